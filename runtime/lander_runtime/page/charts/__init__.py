"""The charts of the page, each an SVG element made from arrays.

axes.py          lines, labels and frames that charts share
scales.py        from values to positions, and round ticks
outcomes.py      a colour and a mark for each way an episode ends
histogram.py     returns
scatter.py       two measures of each episode
timeline.py      actions and return of one episode
trajectories.py  paths over the first picture
"""
