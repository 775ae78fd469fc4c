# SPDX-License-Identifier: MIT
#
# Makes the demo's table. Input: lines "WAY ROUND KEY=VALUE...". Variables: ways, in
# the order of the columns; rounds; seconds. All figures are medians over the rounds.
# Exit status 1 unless each way's p99 of the quick requests is below that of the next
# one by the factor "clearly". The first column, "alone", is there to compare with.

BEGIN {
	clearly = 1.5
	n = split(ways, way, " ")
	title["alone"] = "no slow ones"
	title["kmod"] = "(a) module"
	title["futex"] = "(b) fallback"
	title["off"] = "(c) no hand-off"
	letter["kmod"] = "a"
	letter["futex"] = "b"
	letter["off"] = "c"
}

{
	for (i = 3; i <= NF; i++) {
		split($i, kv, "=")
		value[$1, $2, kv[1]] = kv[2]
	}
}

# The median over the rounds; not every awk can sort.
function median(w, key,    v, i, j, t)
{
	for (i = 1; i <= rounds; i++) {
		if (!((w, i, key) in value)) {
			print "demo: no " key " of " w " in round " i > "/dev/stderr"
			lacking = 1
			exit 1
		}
		v[i] = value[w, i, key] + 0
	}
	for (i = 2; i <= rounds; i++)
		for (j = i; j > 1 && v[j - 1] > v[j]; j--) {
			t = v[j]
			v[j] = v[j - 1]
			v[j - 1] = t
		}
	return (v[int((rounds + 1) / 2)] + v[int((rounds + 2) / 2)]) / 2
}

function ratio(over, under)
{
	return under > 0 ? over / under : 0
}

# One line: the medians, then by how much each way is better than the next.
function row(label, key, scale, format, better,    i, a, b)
{
	printf "  %-23s", label
	for (i = 1; i <= n; i++)
		printf " %15s", sprintf(format, median(way[i], key) / scale)
	for (i = 3; better && i <= n; i++) {
		a = median(way[i - 1], key)
		b = median(way[i], key)
		printf " %8s", sprintf("%.2f x", better == "more" ? ratio(a, b) : ratio(b, a))
	}
	print ""
}

function heading(label, ratios,    i)
{
	printf "\n  %-23s", label
	for (i = 1; i <= n; i++)
		printf " %15s", title[way[i]]
	for (i = 3; ratios && i <= n; i++)
		printf " %8s", letter[way[i - 1]] " over " letter[way[i]]
	print ""
}

function bars(key, scale,    i, j, most, amount, bar)
{
	for (i = 1; i <= n; i++)
		if (median(way[i], key) > most)
			most = median(way[i], key)
	for (i = 1; i <= n; i++) {
		amount = median(way[i], key)
		bar = ""
		for (j = 0; j < 50 * ratio(amount, most); j++)
			bar = bar "#"
		printf "  %-15s %8.2f  %s\n", title[way[i]], amount / scale, bar
	}
}

# In how many rounds was it better?
function wins(w, than, key,    r, won)
{
	won = 0
	for (r = 1; r <= rounds; r++)
		if (value[w, r, key] + 0 < value[than, r, key] + 0)
			won++
	return won
}

END {
	if (lacking)
		exit 1
	printf "Medians of %d rounds of %s s, all of this run. GTMAXPROCS=1.\n", rounds, seconds
	heading("quick requests", 1)
	row("requests/s", "quick_rps", 1, "%.0f", "more")
	row("p50, ms", "quick_p50_us", 1000, "%.2f", "less")
	row("p99, ms", "quick_p99_us", 1000, "%.2f", "less")
	row("longest, ms", "quick_max_us", 1000, "%.2f", "less")
	heading("slow requests", 0)
	row("requests/s", "slow_rps", 1, "%.0f")
	row("p50, ms", "slow_p50_us", 1000, "%.2f")
	heading("the server's counters", 0)
	row("hand-offs", "handoffs", 1, "%.0f")
	row("refused", "handoffs_refused", 1, "%.0f")
	row("returns, free proc.", "regains", 1, "%.0f")
	row("returns, queued", "requeues", 1, "%.0f")
	row("gap, ms in all", "gap_ns", 1000000, "%.2f")
	row("threads", "threads_started", 1, "%.0f")
	row("kernel: blocks", "kernel_blocks", 1, "%.0f")
	row("kernel: reported", "kernel_uncovered", 1, "%.0f")

	print "\np99 of the quick requests, ms:"
	bars("quick_p99_us", 1000)

	print ""
	for (i = 3; i <= n; i++) {
		a = median(way[i - 1], "quick_p99_us")
		b = median(way[i], "quick_p99_us")
		good = (a > 0 && b >= clearly * a)
		printf "%s: %s %s %s in p99: %.2f times; lower in %d of %d rounds\n", \
			(good ? "ok" : "FAILED"), title[way[i - 1]], \
			(good ? "beats" : "does not clearly beat"), title[way[i]], ratio(b, a), \
			wins(way[i - 1], way[i], "quick_p99_us"), rounds
		if (good)
			continue
		bad = 1
		if (clearly * median("alone", "quick_p99_us") > b)
			print "  The machine is too busy to tell: without any slow request p99 is " \
				"near that\n  of the worse one. End what else runs, and try again."
	}
	exit bad
}
