/** Tensors that outlive plans: a model's parameters, an optimizer's state. */
import { checkOptions, FLOATS_OR_INTEGERS, requireKind, TRUE_OR_FALSE } from "../arguments.js";
import { type Data, type DType, type NativeMappedFile, type NativeVariable, native } from "./native.js";

export class Variable {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** @internal */
  readonly native: NativeVariable;

  private constructor(dtype: DType, shape: readonly number[], variable: NativeVariable) {
    this.dtype = dtype;
    this.shape = shape;
    this.native = variable;
  }

  /**
   * Copies `data` (row-major). A frozen variable (the default) never changes, so that what depends on frozen variables
   * alone, such as packed weights, is computed once.
   */
  static from(data: Data, shape: readonly number[], options: { frozen?: boolean } = {}): Variable {
    const { frozen = true } = checkOptions(options, { frozen: TRUE_OR_FALSE });
    requireKind("the variable's data", FLOATS_OR_INTEGERS, data);
    const dtype = data instanceof Float32Array ? "f32" : "i32";
    return new Variable(dtype, shape, new (native().Variable)(dtype, shape, data, frozen));
  }

  /**
   * Uses the bytes of a mapped file where they lie (copied only where their address is not a multiple of four).
   * @internal
   */
  static fromFile(dtype: DType, shape: readonly number[], file: NativeMappedFile, offset: number): Variable {
    return new Variable(dtype, shape, new (native().Variable)(dtype, shape, file, offset, true));
  }

  /**
   * A copy of the present values. Not while a plan that updates it is running: `Device.read` waits for that, and finds the
   * newest values of a CUDA device.
   */
  read(): Data {
    return this.native.read();
  }

  /** Replaces the values; throws for a frozen variable. Not while a plan that uses it is running. */
  write(data: Data): void {
    this.native.write(data);
  }

  /** Gives the memory back once no plan uses it; reading, writing and compiling it throw ERR_LMSPT_CLOSED. */
  close(): void {
    this.native.close();
  }
}
