# SPDX-License-Identifier: MIT
#
# Makes the table. Input: the file figures, then samples as run prints them.
# Variables: sides, separated by commas, the first to be compared with the second;
# ratios, if set, leaves out times, but for instructions, if that is set; cpu, if set,
# says what times are; tsv, if set, names a file for the medians.

BEGIN {
	n = split(sides, side, ",")
	factor["ns"] = 1
	factor["us"] = 1e3
	factor["ms"] = 1e6
	factor["B"] = 1
	OFS = "\t"
}

FNR == NR {
	if (/^#/ || !NF)
		next
	name[++figures] = $2
	unit[$2] = $3
	goal[$2, 1] = $4
	goal[$2, 2] = $5
	goal_vm[$2] = $6
	floor[$2] = $1 == "floor"
	for (i = 7; i <= NF; i++)
		text[$2] = text[$2] (i > 7 ? " " : "") $i
	next
}

$1 == "figure" { next }

{
	if (!($1 in unit)) {
		print "bench: a figure that the file figures lacks: " $1 > "/dev/stderr"
		exit 1
	}
	value[$1, $3, $2, ++count[$1, $3, $2]] = $5
	if (!seen[$3]++)
		worker[++workers] = $3
}

# Sort the samples, so that the middle, the least and the most are at hand.
function order(key, c,    i, j, t)
{
	for (i = 1; i <= c; i++)
		v[i] = value[key, i] + 0
	for (i = 2; i <= c; i++)
		for (j = i; j > 1 && v[j - 1] > v[j]; j--) {
			t = v[j]
			v[j] = v[j - 1]
			v[j - 1] = t
		}
}

# Of one figure, workers and side: median, least and most, in its unit.
function summarize(f, w, s,    c, scale)
{
	c = count[f, w, s]
	if (!c)
		return 0
	order(f SUBSEP w SUBSEP s, c)
	scale = factor[unit[f]]
	median = (v[int((c + 1) / 2)] + v[int((c + 2) / 2)]) / 2 / scale
	least = v[1] / scale
	most = v[c] / scale
	return 1
}

# Three digits that count.
function short(x)
{
	return sprintf((x >= 99.95 ? "%.0f" : (x >= 9.995 ? "%.1f" : "%.2f")), x)
}

function cell(f, w, s)
{
	if (!summarize(f, w, s))
		return "-"
	return short(median) " (" short(least) "-" short(most) ")"
}

# The same where small ones matter.
function fraction(x)
{
	return (x < 0.0995) ? sprintf("%.4f", x) : short(x)
}

# How the first side's time compares with the second's.
function ratio(f, w,    a)
{
	if (n < 2 || !summarize(f, w, side[1]))
		return 0
	a = median
	if (!summarize(f, w, side[2]) || median <= 0)
		return 0
	return a / median
}

# The same, round by round: the least and the most of the rounds' ratios.
function ratio_span(f, w,    i, c, r, low, high)
{
	c = count[f, w, side[1]]
	if (count[f, w, side[2]] != c)
		return "-"
	for (i = 1; i <= c; i++) {
		if (value[f, w, side[2], i] <= 0)
			return "-"
		r = value[f, w, side[1], i] / value[f, w, side[2], i]
		if (i == 1 || r < low)
			low = r
		if (i == 1 || r > high)
			high = r
	}
	return fraction(low) "-" fraction(high)
}

function table(w,    i, j, f, r, line)
{
	printf "\n%d worker%s; %smedian (least-most)\n\n", w, (w > 1 ? "s" : ""),
		(cpu ? "loops in time on processors; " : "")
	printf "%-43s", ""
	for (j = 1; j <= n; j++)
		printf " %25s", side[j]
	if (n > 1)
		printf " %8s", side[1] "/" side[2]
	printf " %6s\n", "goal"
	for (i = 1; i <= figures; i++) {
		f = name[i]
		if (floor[f] || !(count[f, w, side[1]] + count[f, w, side[2]]))
			continue
		printf "%-40s %2s", text[f], unit[f]
		for (j = 1; j <= n; j++)
			printf " %25s", cell(f, w, side[j])
		r = ratio(f, w)
		if (n > 1)
			printf " %8s", (r ? sprintf("%.2f", r) : "-")
		printf " %6s\n", ((f, w) in goal ? goal[f, w] : "-")
	}
}

# How many instructions, and by how much the rounds differ.
function instructions_cell(f, w, s)
{
	if (!summarize(f, w, s))
		return "-"
	return sprintf("%.0f %4.1f%%", median * factor[unit[f]],
		median > 0 ? (most - least) / median * 100 : 0)
}

function ratio_table(w,    i, j, f, r)
{
	printf "\n%d worker%s; %s of %s over %s of %s\n\n", w, (w > 1 ? "s" : ""),
		(instructions ? "instructions" : "time"), side[1],
		(instructions ? "those" : "that"), side[2]
	printf "%-50s", ""
	for (j = 1; j <= n && instructions; j++)
		printf " %18s", side[j] " (differ)"
	printf " %10s %16s %6s\n", "of medians", "of the rounds", "goal"
	for (i = 1; i <= figures; i++) {
		f = name[i]
		r = ratio(f, w)
		if (!r)
			continue
		printf "%-50s", text[f]
		for (j = 1; j <= n && instructions; j++)
			printf " %18s", instructions_cell(f, w, side[j])
		printf " %10s %16s %6s\n", fraction(r), ratio_span(f, w), goal_vm[f]
	}
}

function floor_table(    i, f, any)
{
	for (i = 1; i <= figures; i++) {
		f = name[i]
		if (!floor[f] || !count[f, 1, "floor"])
			continue
		if (!any++)
			print "\nWhat the machine takes for the parts; median (least-most)\n"
		printf "%-61s %2s %25s\n", text[f], unit[f], cell(f, 1, "floor")
	}
}

function write_tsv(    i, j, k, f, s, line)
{
	print "figure", "workers", "side", "unit", "median", "least", "most", "samples", \
		"ratio", "goal" > tsv
	for (i = 1; i <= figures; i++)
		for (k = 1; k <= workers; k++)
			for (j = 1; j <= n + 1; j++) {
				f = name[i]
				s = j > n ? "floor" : side[j]
				if (!summarize(f, worker[k], s))
					continue
				line = f OFS worker[k] OFS s OFS unit[f] OFS median OFS least OFS most
				line = line OFS count[f, worker[k], s]
				line = line OFS (j == 1 ? ratio(f, worker[k]) : "") OFS goal[f, worker[k]]
				print line > tsv
			}
}

END {
	for (k = 1; k <= workers; k++) {
		if (ratios)
			ratio_table(worker[k])
		else
			table(worker[k])
	}
	if (!ratios)
		floor_table()
	if (tsv)
		write_tsv()
}
