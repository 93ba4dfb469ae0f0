"""Small charts as SVG: geometry in attributes, colours in classes, nothing in style attributes."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

BAR_TONES = ("ok", "bad", "warn", "live", "idle")
SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 112, 26, 3


def bar(percent: float, tone: str, *, mark: float | None = None, cut: float = 0, height: int = 8) -> SafeString:
    """A filled track: `percent` done, a tick at `mark` per cent, the last `cut` per cent dashed away."""
    if tone not in BAR_TONES:
        raise ValueError(f"No bar of tone {tone!r}; there are {', '.join(BAR_TONES)}")
    thick = height // 2 if height < 10 else height - 4
    top = (height - thick) // 2
    common = f'y="{top}" height="{thick}" rx="{thick / 2:g}"'
    filled = f"{min(max(percent, 0), 100):.4g}"
    parts = f'<rect class="track" width="100%" {common}/><rect class="b-{tone}" width="{filled}%" {common}/>'
    if cut:
        start = f"{100 - cut:.4g}"
        parts += f'<rect class="b-next" x="{start}%" width="{cut:.4g}%" {common}/>'
    if mark is not None:
        parts += f'<rect class="b-idle" x="{min(mark, 99):.4g}%" width="1.5" height="{height}"/>'
    svg = f'<svg class="draw" width="100%" height="{height}" aria-hidden="true">{parts}</svg>'
    return SafeString(svg)


def spark(values: Sequence[float], before: Sequence[float] = ()) -> SafeString:
    """A line of `values` over a dotted line of `before`, on one scale. Says nothing to readers; the words beside do."""
    top = max([*values, *before, 0]) or 1
    lines = [_polyline(series, top, name) for series, name in ((before, "spark last"), (values, "spark")) if series]
    return format_html(
        '<svg class="draw" viewBox="0 0 {} {}" height="{}" preserveAspectRatio="none" aria-hidden="true">{}</svg>',
        SPARK_WIDTH,
        SPARK_HEIGHT,
        SPARK_HEIGHT,
        SafeString("".join(lines)),
    )


def _polyline(series: Sequence[float], top: float, name: str) -> str:
    step = SPARK_WIDTH / max(len(series) - 1, 1)
    room = SPARK_HEIGHT - 2 * SPARK_MARGIN
    points = " ".join(
        f"{index * step:.1f},{SPARK_HEIGHT - SPARK_MARGIN - value / top * room:.1f}"
        for index, value in enumerate(series)
    )
    return f'<polyline class="{name}" points="{points}" vector-effect="non-scaling-stroke"/>'
