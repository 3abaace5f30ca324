import { type DiscriminatorConfig, PUBLIC_DISCRIMINATORS } from "../../lib/models/discriminators/index.js";

/** The configuration of the small discriminators of the reference vectors. */
export function goldenDiscriminators(text: string): DiscriminatorConfig {
  const { periods, ffts, mpd_ch, mrd_ch } = JSON.parse(text);
  return {
    ...PUBLIC_DISCRIMINATORS,
    periods,
    fft_sizes: ffts,
    period_channels: mpd_ch,
    resolution_channels: mrd_ch,
  };
}
