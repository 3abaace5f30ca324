import { LmsptError } from "../../errors.js";
import { type Parameter, Scope } from "../../nn/index.js";
import type { WhisperConfig } from "./config.js";
import { WhisperDecoder } from "./decoder.js";
import { WhisperEncoder } from "./encoder.js";

export class Whisper {
  readonly encoder: WhisperEncoder;
  /** By the names of Hugging Face's files, without the leading `model.`. */
  readonly parameters: readonly Parameter[];
  private readonly textDecoder: WhisperDecoder | undefined;

  constructor(
    readonly config: WhisperConfig,
    parts: "encoder" | "both" = "both",
  ) {
    const scope = Scope.root();
    this.encoder = new WhisperEncoder(scope.at("encoder"), config);
    this.textDecoder = parts === "both" ? new WhisperDecoder(scope.at("decoder"), config) : undefined;
    this.parameters = scope.parameters;
  }

  /** Throws ERR_LMSPT_MODEL where only the encoder was asked for. */
  get decoder(): WhisperDecoder {
    if (this.textDecoder) return this.textDecoder;
    throw new LmsptError("ERR_LMSPT_MODEL", 'Expected Whisper with its decoder; load it with parts: "both"');
  }
}
