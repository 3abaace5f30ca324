import type { Tokenizer } from "../models/tokenizer.js";
import type { Description } from "./description.js";
import { formatInteger } from "./units.js";

/** Describes a loaded model. */
export function describeModel(tokenizer: Tokenizer): Description {
  const { info, config, sampleRate, outputSampleRate, frameRate, samplesPerFrame } = tokenizer;
  const { name, source, model, untrained, licence, parameters } = info;
  return {
    json: {
      kind: "model",
      name,
      source,
      model,
      untrained,
      licence,
      parameters,
      sampleRate,
      outputSampleRate,
      frameRate,
      samplesPerFrame,
      config,
    },
    rows: [
      ["model", untrained ? `${name} (UNTRAINED)` : name],
      ["source", source],
      ["fingerprint", model],
      ...(licence ? [["licence", licence.notice] as const] : []),
      ["parameters", formatInteger(parameters)],
      ["sample rate", `${sampleRate} Hz in, ${outputSampleRate} Hz out`],
      ["frame rate", `${frameRate} Hz, ${samplesPerFrame} samples a frame`],
      ["", ""],
      ...Object.entries(config).map(([field, value]): [string, string] => [field, JSON.stringify(value)]),
    ],
    intact: true,
  };
}
