"""The figures as bars in SVG: the rate of each program, beside the peak of the core."""

from xml.sax.saxutils import escape

OURS = "#d9480f"
PEERS = ["#1c4e80", "#4a86b8", "#8fb8d8", "#4d6a4f", "#87a878", "#8a7aa8", "#b9a7c9", "#9a9a9a",
         "#c9b27c", "#b5838d", "#2a9d8f"]
WIDTH, BAR, GAP, HEAD = 620, 9, 10, 74


def library(title):
    """What a product and the attention made of it share: the colour."""
    return title.replace(", by hand", "")


def draw(path, rows, titles, peak, subtitle):
    """rows: (name, flop, {title: microseconds}); titles: ours first; peak in GFLOP/s."""
    libraries = list(dict.fromkeys(map(library, titles)))
    colour = {name: OURS if at == 0 else PEERS[(at - 1) % len(PEERS)]
              for at, name in enumerate(libraries)}
    label = 24 + 7 * max(len(name) for name, _, _ in rows)
    scale = WIDTH / (1.05 * peak)
    lines, y = [], HEAD + 18 * ((len(libraries) + 3) // 4)
    top = y

    def text(x, at, what, **style):
        attributes = " ".join(f'{key.replace("_", "-")}="{value}"' for key, value in style.items())
        lines.append(f'<text x="{x:.1f}" y="{at:.1f}" {attributes}>{escape(what)}</text>')

    for name, flop, times in rows:
        shown = [title for title in titles if title in times]
        height = len(shown) * (BAR + 1)
        text(label - 12, y + height / 2 + 4, name, text_anchor="end")
        for at, title in enumerate(shown):
            rate = flop / times[title] / 1e3
            bar_y = y + at * (BAR + 1)
            lines.append(f'<rect x="{label}" y="{bar_y}" width="{max(1, rate * scale):.1f}" '
                         f'height="{BAR}" rx="1.5" fill="{colour[library(title)]}"><title>'
                         f'{escape(title)}: {times[title]:.3g} µs, {rate:.1f} GFLOP/s'
                         f'</title></rect>')
            if at == 0:
                text(label + rate * scale - 4, bar_y + BAR - 1.2, f"{rate:.0f}", font_size=8.5,
                     fill="white", text_anchor="end")
        y += height + GAP
    bottom = y
    grid = []
    step = 20 if peak < 160 else 50
    for value in range(0, int(1.05 * peak), step):
        x = label + value * scale
        grid.append(f'<line x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{bottom}" '
                    'stroke="#e4e4e4"/>')
        text(x, bottom + 16, str(value), text_anchor="middle", fill="#666")
    x = label + peak * scale
    grid.append(f'<line x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{bottom}" stroke="#888" '
                'stroke-dasharray="4 3"/>')
    text(x, top - 8, f"peak {peak:.0f}", text_anchor="middle", fill="#666", font_size=11)
    text(label + WIDTH, bottom + 34, "GFLOP/s, one core", text_anchor="end", fill="#666")
    text(20, 30, "Sequent and its peers", font_size=19, font_weight="bold", fill="#222")
    text(20, 50, subtitle, fill="#666")
    for at, title in enumerate(libraries):
        x, legend_y = 20 + (at % 4) * 215, 72 + 18 * (at // 4)
        lines.append(f'<rect x="{x}" y="{legend_y - 9}" width="10" height="10" rx="1.5" '
                     f'fill="{colour[title]}"/>')
        text(x + 15, legend_y, title, font_size=11, fill="#333")
    size = f'width="{label + WIDTH + 40}" height="{bottom + 50}"'
    with open(path, "w", encoding="utf-8") as out:
        out.write(f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Helvetica, Arial, '
                  f'sans-serif" font-size="12" fill="#222"><rect {size} fill="white"/>'
                  + "\n".join(grid + lines) + "</svg>\n")
