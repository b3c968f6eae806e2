"""One analysis of images and one of points in the plane, and their pages, for all tests of the views."""

from pathlib import Path

import pytest

from separatrix import Analysis
from separatrix.views.report import write_report
from tests.views.analyses import digit_analysis, plane_analysis

HOSTILE = '<script>document.title="taken"</script>"\'><img src=x onerror=alert(1)>\x1b[31m{{ 7 * 7 }}'


@pytest.fixture(scope="package")
def images() -> Analysis:
    return digit_analysis()


@pytest.fixture(scope="package")
def plane() -> Analysis:
    return plane_analysis()


@pytest.fixture(scope="package")
def page_path(images: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(images, tmp_path_factory.mktemp("report"))
