import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DIRECTIONS } from "../export/directions.js";
import type { ExportedFile } from "../export/exported-file.js";
import type { WeightDtype } from "../export/model-folder.js";
import type { Precision } from "../graph/precision.js";
import { CONFIG_FILE, WEIGHTS_FILE } from "../hub/index.js";
import { writeWhole } from "../io/atomic-file.js";
import { explainIo } from "../io/system-errors.js";
import type { LoadedModel } from "../models/load.js";
import { EXIT, type ExitStatus, usageFailure } from "./failure.js";
import { existingOutput } from "./jobs.js";
import { announceWeights, whileLoading } from "./model.js";
import { printNotice, type Session } from "./terminal.js";
import { formatBytes } from "./units.js";
import { packageVersion } from "./version.js";

export const EXPORT_FORMATS = ["onnx", "plan", "safetensors"] as const;

export interface ExportOptions {
  readonly to: (typeof EXPORT_FORMATS)[number];
  /** A folder. */
  readonly output: string;
  /** Of plan files. */
  readonly frames?: number;
  /** Of plan files. */
  readonly precision?: Precision;
  /** Of safetensors files. */
  readonly dtype?: WeightDtype;
  readonly force?: boolean;
  readonly quiet?: boolean;
}

/** `lmspt export MODEL --to onnx|plan|safetensors -o FOLDER`: a model for other runtimes, or as a model folder. */
export async function exportModel(name: string, options: ExportOptions, session: Session): Promise<ExitStatus> {
  const { output, force = false, quiet = false } = options;
  requireFitting(options);
  for (const path of force ? [] : fileNames(options.to).map((name) => join(output, name))) {
    const problem = await existingOutput(path);
    if (problem) throw problem;
  }
  const loaded = await whileLoading(session, quiet, async (onProgress) => {
    const { loadModel } = await import("../models/load.js");
    return loadModel(name, { signal: session.signal, onProgress });
  });
  announceWeights(name, loaded, session);
  await explainIo(`Cannot make the folder ${output}`, () => mkdir(output, { recursive: true }));
  for await (const file of exportedFiles(loaded, options, session.signal)) {
    const path = join(output, file.name);
    await writeWhole(path, file.bytes, session.signal);
    if (!quiet) printNotice(session.terminal, `Wrote ${path}, ${formatBytes(file.bytes.length)}`);
  }
  return EXIT.done;
}

/** @throws CommandFailure where an option does not belong to the format */
function requireFitting({ to, frames, precision, dtype }: ExportOptions): void {
  if (to === "plan" && frames === undefined)
    throw usageFailure("Expected --frames with --to plan: plans have one length");
  if (to !== "plan" && frames !== undefined)
    throw usageFailure(`Expected no --frames with --to ${to}: any length goes`);
  if (to !== "plan" && precision !== undefined)
    throw usageFailure(`Expected no --precision with --to ${to}: it is chosen where the model runs`);
  if (to !== "safetensors" && dtype !== undefined)
    throw usageFailure(`Expected no --dtype with --to ${to}: its weights are float32`);
}

function fileNames(to: ExportOptions["to"]): string[] {
  return to === "safetensors" ? [WEIGHTS_FILE, CONFIG_FILE] : DIRECTIONS.map((direction) => `${direction}.${to}`);
}

async function* exportedFiles(
  loaded: LoadedModel,
  { to, frames, precision, dtype = "f32" }: ExportOptions,
  signal: AbortSignal,
): AsyncGenerator<ExportedFile> {
  if (to === "safetensors") {
    const { exportModelFolder } = await import("../export/model-folder.js");
    yield* exportModelFolder(loaded.model, dtype);
  } else if (frames !== undefined) {
    const { exportPlanFiles } = await import("../export/plan-files.js");
    yield* exportPlanFiles(loaded.model, { frames, precision, signal });
  } else {
    const { exportOnnx } = await import("../export/onnx/export.js");
    yield* exportOnnx(loaded, { producerVersion: packageVersion(), signal });
  }
}
