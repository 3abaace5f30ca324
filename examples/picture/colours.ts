const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** A colour for a code: equal codes look equal, neighbouring ones do not. White text can be read on it. */
export function codeColour(code: number): string {
  const turn = (code * GOLDEN_RATIO) % 1;
  const shade = (code * GOLDEN_RATIO * GOLDEN_RATIO * 7) % 1;
  return `hsl(${Math.round(turn * 360)}, ${38 + Math.round(shade * 16)}%, ${36 + Math.round(shade * 14)}%)`;
}
