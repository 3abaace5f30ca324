/** Cutting a long recording into pieces that a recogniser hears at a time. */

/** Samples of the stretches whose loudness is compared: 20 ms of 16 kHz. */
const STRETCH = 320;
/** A piece may end in the last fifth of the window. */
const LATEST = 4 / 5;

/** Pieces of at most `most` samples of 16 kHz; where one has to end, it ends at the quietest place near its end. */
export function cutWhereQuiet(samples: Float32Array, most: number): Float32Array[] {
  const pieces: Float32Array[] = [];
  let from = 0;
  while (samples.length - from > most) {
    const length = quietestEnd(samples.subarray(from, from + most));
    pieces.push(samples.subarray(from, from + length));
    from += length;
  }
  pieces.push(samples.subarray(from));
  return pieces;
}

function quietestEnd(window: Float32Array): number {
  let best = window.length;
  let least = Number.POSITIVE_INFINITY;
  for (let start = Math.floor(window.length * LATEST); start + STRETCH <= window.length; start += STRETCH) {
    const energy = window.subarray(start, start + STRETCH).reduce((sum, sample) => sum + sample * sample, 0);
    if (energy >= least) continue;
    least = energy;
    best = start + STRETCH / 2;
  }
  return best;
}
