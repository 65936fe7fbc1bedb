"""An evaluation as one HTML page with pictures. The page opens from the disk and needs no network.

`PageObserver` collects data during the evaluation; `write_page` makes the page from it and the report.

observer.py  what is collected while episodes run
write.py     the page from top to bottom, and report.json
figures.py   headline, tables, what the score means, how it was made
pictures.py  the charts and films, each with a legend and a sentence
films.py     the best and the worst episode, run again to be recorded
charts/      histogram, scatter plot, trajectories, step by step
elements.py  HTML and SVG as trees, so that no text becomes markup
style.css    the look of the page
"""

from lander_runtime.page.observer import PageObserver
from lander_runtime.page.write import DATA, PAGE, write_page

__all__ = ["DATA", "PAGE", "PageObserver", "write_page"]
