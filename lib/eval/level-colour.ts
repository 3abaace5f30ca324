/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** From silence to the loudest sound, evenly spaced. */
const LEVEL_COLOURS: readonly Rgb[] = [
  [8, 8, 26],
  [36, 24, 86],
  [98, 32, 122],
  [176, 50, 104],
  [233, 98, 66],
  [250, 174, 82],
  [254, 246, 208],
];

/** The colour of a level from 0 (silent) to 1 (loudest). */
export function levelColour(level: number): Rgb {
  const position = Math.min(1, Math.max(0, level)) * (LEVEL_COLOURS.length - 1);
  const index = Math.min(LEVEL_COLOURS.length - 2, Math.floor(position));
  const [from, to] = [LEVEL_COLOURS[index]!, LEVEL_COLOURS[index + 1]!];
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (position - index));
  return [mix(0), mix(1), mix(2)];
}
