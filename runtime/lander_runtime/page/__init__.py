"""An evaluation as one HTML page with pictures. The page opens from the disk and needs no network.

`PageObserver` collects data during the evaluation; `write_page` makes the page from it and the report.
"""

from lander_runtime.page.observer import PageObserver
from lander_runtime.page.write import DATA, PAGE, write_page

__all__ = ["DATA", "PAGE", "PageObserver", "write_page"]
