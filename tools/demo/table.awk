# SPDX-License-Identifier: MIT
#
# Makes the demo's table. Input: lines "WAY ROUND KEY=VALUE...". Variables: ways, in
# the order of the columns; rounds; seconds. All figures are medians over the rounds.
# Exit status 1 unless each way's p99 of the quick requests is below that of the next
# one by the factor "clearly" in the medians, and below it in every round.

BEGIN {
	clearly = 1.5
	n = split(ways, way, " ")
	title["kmod"] = "module"
	title["futex"] = "fallback"
	title["off"] = "no hand-off"
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

# The median over the rounds; no sort() in every awk.
function median(w, key,    v, i, j, t)
{
	for (i = 1; i <= rounds; i++) {
		if (!((w, i, key) in value))
			lacking(w, i, key)
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

function lacking(w, round, key)
{
	print "demo: no " key " of " w " in round " round > "/dev/stderr"
	failed = 1
	exit 1
}

# One line: the medians, then how many times larger each is than the one before it, or
# smaller if more is better.
function row(label, key, scale, format, better,    i, a, b, t)
{
	printf "  %-26s", label
	for (i = 1; i <= n; i++)
		printf " %15s", sprintf(format, median(way[i], key) / scale)
	if (better)
		for (i = 2; i <= n; i++) {
			a = median(way[i - 1], key)
			b = median(way[i], key)
			if (better == "more") {
				t = a
				a = b
				b = t
			}
			printf " %9s", a > 0 ? sprintf("%.2f x", b / a) : "-"
		}
	print ""
}

function name(i)
{
	return "(" letter[way[i]] ") " title[way[i]]
}

function heading(what, ratios,    i)
{
	printf "  %-26s", what
	for (i = 1; i <= n; i++)
		printf " %14s", name(i)
	if (ratios)
		for (i = 2; i <= n; i++)
			printf " %9s", letter[way[i - 1]] " over " letter[way[i]]
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
		for (j = 0; j < 60 * amount / most; j++)
			bar = bar "#"
		printf "  %-16s %9.2f  %s\n", name(i), amount / scale, bar
	}
}

END {
	if (failed)
		exit 1
	printf "Medians of %d rounds of %s s, all of this run:\n\n", rounds, seconds
	heading("quick requests", 1)
	row("requests/s", "quick_rps", 1, "%.0f", "more")
	row("p50, ms", "quick_p50_us", 1000, "%.2f", "less")
	row("p99, ms", "quick_p99_us", 1000, "%.2f", "less")
	row("longest, ms", "quick_max_us", 1000, "%.2f", "less")
	heading("slow requests", 0)
	row("requests/s", "slow_rps", 1, "%.0f", "more")
	row("p50, ms", "slow_p50_us", 1000, "%.2f", "less")
	heading("counters", 0)
	row("blocks, by the module", "kernel_blocks", 1, "%.0f")
	row("of these reported", "kernel_uncovered", 1, "%.0f")
	row("hand-offs", "handoffs", 1, "%.0f")
	row("hand-offs refused", "handoffs_refused", 1, "%.0f")
	row("returns, processor free", "regains", 1, "%.0f")
	row("returns, had to queue", "requeues", 1, "%.0f")
	row("gap without processor, ms", "gap_ns", 1000000, "%.2f")
	row("threads", "threads_started", 1, "%.0f")

	print "\np99 of the quick requests, ms:"
	bars("quick_p99_us", 1000)

	print ""
	for (i = 2; i <= n; i++) {
		a = median(way[i - 1], "quick_p99_us")
		b = median(way[i], "quick_p99_us")
		won = 0
		for (r = 1; r <= rounds; r++)
			if (value[way[i - 1], r, "quick_p99_us"] + 0 < value[way[i], r, "quick_p99_us"] + 0)
				won++
		good = (a > 0 && b >= clearly * a && won == rounds)
		printf "%s: %s %s %s in p99: %.2f times, and in %d of %d rounds\n", \
			(good ? "ok" : "FAILED"), name(i - 1), \
			(good ? "beats" : "does not clearly beat"), name(i), \
			(a > 0 ? b / a : 0), won, rounds
		if (!good)
			bad = 1
	}
	exit bad
}
