import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DIRECTIONS } from "../export/directions.js";
import type { ExportedFile } from "../export/exported-file.js";
import type { Precision } from "../graph/precision.js";
import { writeWhole } from "../io/atomic-file.js";
import { explainIo } from "../io/system-errors.js";
import type { LoadedModel } from "../models/load.js";
import { EXIT, type ExitStatus, usageFailure } from "./failure.js";
import { existingOutput } from "./jobs.js";
import { announceWeights, whileLoading } from "./model.js";
import { printNotice, type Session } from "./terminal.js";
import { formatBytes } from "./units.js";
import { packageVersion } from "./version.js";

export const EXPORT_FORMATS = ["onnx", "plan"] as const;

export interface ExportOptions {
  readonly to: (typeof EXPORT_FORMATS)[number];
  /** A folder. */
  readonly output: string;
  /** Of plan files. */
  readonly frames?: number;
  /** Of plan files. */
  readonly precision?: Precision;
  readonly force?: boolean;
  readonly quiet?: boolean;
}

/** `lmspt export MODEL --to onnx|plan -o FOLDER`: a model for other runtimes. */
export async function exportModel(name: string, options: ExportOptions, session: Session): Promise<ExitStatus> {
  const { to, output, frames, precision, force = false, quiet = false } = options;
  if (to === "plan" && frames === undefined)
    throw usageFailure("Expected --frames with --to plan: plans have one length");
  if (to === "onnx" && frames !== undefined) throw usageFailure("Expected no --frames with --to onnx: any length goes");
  if (to === "onnx" && precision !== undefined)
    throw usageFailure("Expected no --precision with --to onnx: its runtime chooses");
  const paths = DIRECTIONS.map((direction) => join(output, `${direction}.${to}`));
  for (const path of force ? [] : paths) {
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

async function* exportedFiles(
  loaded: LoadedModel,
  { frames, precision }: ExportOptions,
  signal: AbortSignal,
): AsyncGenerator<ExportedFile> {
  if (frames !== undefined) {
    const { exportPlanFiles } = await import("../export/plan-files.js");
    yield* exportPlanFiles(loaded.model, { frames, precision, signal });
  } else {
    const { exportOnnx } = await import("../export/onnx/export.js");
    yield* exportOnnx(loaded, { producerVersion: packageVersion(), signal });
  }
}
