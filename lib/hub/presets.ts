/** Terms under which somebody else's weights may be used. A command line prints `notice` before it uses the weights. */
export interface ModelLicence {
  /** SPDX identifier. */
  readonly id: string;
  /** False where the terms forbid commercial use. */
  readonly commercialUse: boolean;
  /** One sentence for people: what is licensed, how, and where the text lies. */
  readonly notice: string;
}

/** The model that lies in this package, under the package's own licence. */
export const BUNDLED_MODEL = "12.5hz-16k-small";

/** A model with a short name, published on the Hugging Face Hub. Its configuration is built into this package. */
export interface Preset {
  readonly name: string;
  /** The id that the publisher gave to the model. */
  readonly modelId: string;
  /** `owner/repository` on the hub. */
  readonly repo: string;
  readonly revision: string;
  /** Path of the weights inside the repository. */
  readonly weightsFile: string;
  readonly licence: ModelLicence;
}

/** Every preset, in the order in which they are offered. */
export const PRESETS: readonly Preset[] = [
  {
    name: "12.5hz-24k",
    modelId: "12d5hz_v1",
    repo: "kakaocorp/lmspt",
    revision: "main",
    weightsFile: "lmspt_12d5hz_16384_4096.safetensors",
    licence: {
      id: "CC-BY-NC-4.0",
      commercialUse: false,
      notice:
        "The weights kakaocorp/lmspt are licensed under CC-BY-NC-4.0: non-commercial use only, with attribution " +
        "(https://creativecommons.org/licenses/by-nc/4.0/).",
    },
  },
];

/** The preset called `name`, if there is one. */
export function findPreset(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name);
}

/** The preset whose weights are published under the file name `fileName`, if there is one. */
export function findPresetByWeights(fileName: string): Preset | undefined {
  return PRESETS.find((preset) => preset.weightsFile === fileName);
}

/** The preset that is published in the hub repository `repo`, if there is one. */
export function findPresetByRepo(repo: string): Preset | undefined {
  return PRESETS.find((preset) => preset.repo === repo);
}
