// The theme's colours as a canvas needs them: resolved, not as variables.

export interface Palette { text: string; muted: string; line: string; ctl: string; line1: string; line2: string; band: string }

export function palette(host: HTMLElement): Palette {
  const probe = document.createElement('span');
  host.append(probe);
  const resolve = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = ['text', 'muted', 'line', 'ctl', 'line1', 'line2', 'band'] as const;
  const colours = Object.fromEntries(names.map((name) => [name, resolve(name)])) as unknown as Palette;
  probe.remove();
  return colours;
}

/** Diagonal lines: what nobody watched. `ratio` is the screen's pixels per CSS pixel. */
export function hatch(ctx: CanvasRenderingContext2D, colour: string, ratio: number): CanvasPattern | null {
  const size = Math.round(6 * ratio);
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  const pen = tile.getContext('2d');
  if (!pen) return null;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.2 * ratio;
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
  }
  pen.stroke();
  return ctx.createPattern(tile, 'repeat');
}
