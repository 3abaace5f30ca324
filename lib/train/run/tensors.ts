/** The tensors of a checkpoint: parameters, and what optimizers keep. */
import { readSafetensors } from "../../data/safetensors-reader.js";
import { writeSafetensors } from "../../data/safetensors-writer.js";
import { LmsptError } from "../../errors.js";
import type { Device } from "../../graph/device.js";
import type { Variable } from "../../graph/variable.js";
import type { Optimizer } from "../optimizer.js";

export type Named = readonly (readonly [name: string, variable: Variable])[];

export function namedParameters(parameters: readonly { readonly name: string; readonly variable: Variable }[]): Named {
  return parameters.map(({ name, variable }) => [name, variable]);
}

/** The running means of every optimizer, by the names of the sides that they train. */
export function namedMoments(optimizers: Readonly<Record<string, Optimizer>>): Named {
  return Object.entries(optimizers).flatMap(([side, { moments }]) =>
    moments.flatMap(({ parameter, mean, square }) => [
      [`${side}.mean.${parameter.name}`, mean] as const,
      [`${side}.square.${parameter.name}`, square] as const,
    ]),
  );
}

/** @throws LmsptError ERR_LMSPT_IO */
export async function writeTensors(path: string, device: Device, named: Named): Promise<void> {
  const values = await device.read(named.map(([, variable]) => variable));
  const tensors = named.map(([name, { shape }], i) => {
    return [name, { dtype: "F32", shape, data: values[i] as Float32Array }] as const;
  });
  await writeSafetensors(path, tensors);
}

/** Gives variables the values of a file. @throws LmsptError ERR_LMSPT_MODEL where one is missing or of another shape */
export async function readTensors(path: string, named: Named): Promise<void> {
  const { tensors } = await readSafetensors(path);
  for (const [name, variable] of named) {
    const tensor = tensors.get(name);
    if (!tensor || tensor.shape.join() !== variable.shape.join() || !(tensor.data instanceof Float32Array)) {
      throw new LmsptError("ERR_LMSPT_MODEL", `Expected ${name} of shape [${variable.shape.join(", ")}] in ${path}`);
    }
    variable.write(tensor.data);
  }
}
