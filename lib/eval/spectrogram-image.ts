import { PNG } from "pngjs";
import { levelColour } from "./level-colour.js";

/** Decibels that get the darkest and the brightest colour. */
export interface LevelRange {
  readonly floor: number;
  readonly ceiling: number;
}

/**
 * A spectrogram as a PNG file: a pixel for every frame and band, time to the right, frequency upwards.
 *
 * @param levels decibels, shape [frames][bands]
 */
export function spectrogramImage(levels: readonly Float64Array[], { floor, ceiling }: LevelRange): Buffer {
  const bands = levels[0]?.length ?? 0;
  const image = new PNG({ width: levels.length, height: bands, colorType: 2 });
  levels.forEach((frame, x) => {
    frame.forEach((level, band) => {
      const pixel = 4 * ((bands - 1 - band) * levels.length + x);
      image.data.set([...levelColour((level - floor) / (ceiling - floor)), 255], pixel);
    });
  });
  return PNG.sync.write(image, { colorType: 2 });
}
