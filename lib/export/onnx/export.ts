/** Models as ONNX files. */
import { Device } from "../../graph/device.js";
import { samplesPerFrame } from "../../models/config.js";
import type { LmSpt } from "../../models/lmspt.js";
import type { LoadedModel } from "../../models/load.js";
import { DIRECTIONS, type Direction, recordDirection } from "../directions.js";
import type { ExportedFile, ExportOptions } from "../exported-file.js";
import { RecordingGraph } from "../recording-graph.js";
import { encodeModel } from "./schema.js";
import { type Computation, translate } from "./translate.js";

const DESCRIPTIONS: Readonly<Record<Direction, string>> = {
  encode:
    "Speech to codes: audio float32 [batch, 1, samples] at sample_rate, completed to whole frames by zeros -> codes int64 " +
    "[batch, codebooks, frames], the semantic ones first.",
  decode:
    "Codes to speech: codes int64 [batch, codebooks, frames], each within its codebook -> audio float32 [batch, 1, samples] at output_sample_rate.",
  aux_decode:
    "Codes to the auxiliary decoder's speech: codes int64 [batch, codebooks, frames], of which the semantic ones count, each " +
    "within its codebook " +
    "-> audio float32 [batch, 1, samples] at aux_sample_rate.",
};

/**
 * `encode.onnx`, `decode.onnx` and `aux_decode.onnx`, one after the other: operator set 17, standard operators only, any
 * batch size and length, weights folded. Throws ERR_LMSPT_UNSUPPORTED for a model beyond 2 GiB, or the signal's reason.
 */
export async function* exportOnnx(
  loaded: LoadedModel,
  { producerVersion, signal }: ExportOptions,
): AsyncGenerator<ExportedFile> {
  const { model } = loaded;
  const names = new Map(model.parameters.map(({ variable, name }) => [variable, name]));
  const device = Device.open("cpu");
  try {
    for (const direction of DIRECTIONS) {
      signal?.throwIfAborted();
      const onnx = await translate(computation(model, direction), device, names);
      const description = DESCRIPTIONS[direction];
      const built = onnx.build({ name: direction, description, producerVersion, metadata: metadata(loaded) });
      yield { name: `${direction}.onnx`, bytes: encodeModel(built) };
    }
  } finally {
    await device.close();
  }
}

function computation(model: LmSpt, direction: Direction): Computation {
  const audio = { name: "audio", channels: 1, rows: "samples" };
  const codes = { name: "codes", channels: model.config.n_codebooks, rows: "frames" };
  return {
    input: direction === "encode" ? { ...audio, multipleOf: samplesPerFrame(model.config) } : codes,
    output: direction === "encode" ? codes : audio,
    record: (size) => recordDirection(new RecordingGraph(), model, direction, size),
  };
}

function metadata({ model: { config }, fingerprint, licence, untrained }: LoadedModel): Record<string, string> {
  return {
    model: fingerprint,
    sample_rate: String(config.sample_rate),
    output_sample_rate: String(config.output_sample_rate),
    aux_sample_rate: String(config.aux_decoder.sample_rate),
    samples_per_frame: String(samplesPerFrame(config)),
    semantic_codebooks: String(config.n_semantic_codebooks),
    untrained: String(untrained),
    config: JSON.stringify(config),
    ...(licence && { licence: licence.notice }),
  };
}
