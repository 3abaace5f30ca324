/** A graph made ready for one device and one set of shapes; running it again costs one call. */
import { AN_OBJECT, requireKind } from "../arguments.js";
import { invalidArgument, LmsptError } from "../errors.js";
import type { Device } from "./device.js";
import { type Data, type NativePlan, type Port, settled, type TraceStep } from "./native.js";

export class Plan<Name extends string = string> {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Bytes of the arena that holds all intermediate values; on the CPU, the plans of a device share one. */
  readonly memory: number;

  /** @internal */
  constructor(
    private readonly device: Device,
    private readonly native: NativePlan,
  ) {
    this.inputs = native.ports.inputs;
    this.outputs = native.ports.outputs;
    this.memory = native.memory;
  }

  /**
   * Runs on the device's thread. The inputs are copied at once; they may be changed as soon as this returns. Arrays on a
   * SharedArrayBuffer, which others may be changing, are refused.
   */
  async run(inputs: Readonly<Record<string, Data>>): Promise<Record<Name, Data>> {
    return this.name(await settled(this.native.run(this.order(inputs))));
  }

  /** Runs step by step and tells the time, shape and range of each: slow, for finding out. */
  async trace(
    inputs: Readonly<Record<string, Data>>,
  ): Promise<{ outputs: Record<Name, Data>; steps: readonly TraceStep[] }> {
    const { outputs, steps } = await settled(this.native.trace(this.order(inputs)));
    return { outputs: this.name(outputs), steps };
  }

  /** Gives the memory back once runs under way are done; later runs reject with ERR_LMSPT_CLOSED. */
  close(): void {
    this.native.close();
  }

  private order(inputs: Readonly<Record<string, Data>>): Data[] {
    if (this.device.closed) throw new LmsptError("ERR_LMSPT_CLOSED", "The device is closed; open another one");
    requireKind("the inputs", AN_OBJECT, inputs);
    const known = new Set(this.inputs.map((port) => port.name));
    for (const name of Object.keys(inputs)) {
      if (!known.has(name)) throw invalidArgument("inputs", `only ${[...known].join(", ")}`, name);
    }
    return this.inputs.map((port) => {
      const data = inputs[port.name];
      if (data === undefined) throw invalidArgument(`the input ${port.name}`, `data of ${port.dtype}`, data);
      return data;
    });
  }

  private name(outputs: readonly Data[]): Record<Name, Data> {
    return Object.fromEntries(this.outputs.map((port, i) => [port.name, outputs[i]!])) as Record<Name, Data>;
  }
}
