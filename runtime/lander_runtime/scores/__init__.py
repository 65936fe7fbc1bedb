"""Statistics of returns: pure functions of arrays, and the files with their results.

results.py      every episode's return, length and outcome, as columns
summary.py      the figures of one evaluation: mean, quantiles, intervals
intervals.py    confidence intervals of means and rates
paired.py       two policies on the same seeds
verdict.py      the verdicts: better, worse, no difference shown, alike
comparison.py   several policies on the same seeds
report.py       an evaluation's report and its digest
report_file.py  reading and writing a report
claims.py       whether a measured score agrees with the claimed one
words.py        figures in words, as every command shows them
shards.py       one evaluation cut into parts for several machines
merge.py        joins the reports of all parts
"""
