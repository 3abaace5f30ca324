/** Configurations of recognisers that have names; what they do not say is as the schema's defaults are. */

export const RECOGNISER_PRESETS: Readonly<Record<string, object>> = {
  /** 3 million weights that hear 6 s and write letter by letter: a teacher and judge which two CPU cores can train. */
  "asr-tiny": {
    exp_name: "asr-tiny",
    steps: 6000,
    text: { merges: 0 },
    data: { batch: 8 },
    optimizer: { warmup_steps: 400 },
  },
};
