/** The folder of a run: config.yaml, checkpoint/, and TensorBoard's files. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { LmsptError } from "../../errors.js";
import { writeText } from "../../io/atomic-file.js";
import { explainIo, isFile, statIfPresent } from "../../io/system-errors.js";
import { listCheckpoints } from "./checkpoint.js";

export const CONFIG_NAME = "config.yaml";

/** What of a configuration says where the run lies. */
export interface RunPlace {
  readonly out?: string;
  readonly log_dir: string;
  readonly exp_name: string;
}

export class RunFolder {
  private constructor(
    readonly path: string,
    /** What to write when the run begins, or goes on differently. */
    private readonly text: string | undefined,
  ) {}

  get checkpoints(): string {
    return join(this.path, "checkpoint");
  }

  /** The path of the configuration that the run has. */
  get config(): string {
    return join(this.path, CONFIG_NAME);
  }

  /** A new run's folder; it is made by `begin`. @throws LmsptError ERR_LMSPT_IO where something is there */
  static async plan(config: RunPlace): Promise<RunFolder> {
    const path = config.out ?? join(config.log_dir, config.exp_name);
    const stats = await explainIo(`Cannot look at ${path}`, () => statIfPresent(path));
    if (stats && (!stats.isDirectory() || (await readdir(path)).length > 0)) {
      const advice = (await isFile(join(path, CONFIG_NAME))) ? `; to go on with the run in it, name the folder` : "";
      throw new LmsptError("ERR_LMSPT_IO", `Expected nothing at ${path}, where the run's files belong${advice}`);
    }
    return new RunFolder(path, stringify(config).trimEnd());
  }

  /** The folder of a run that was begun. @throws LmsptError ERR_LMSPT_IO where it holds none */
  static async open(path: string): Promise<RunFolder> {
    if (await isFile(join(path, CONFIG_NAME))) return new RunFolder(path, undefined);
    throw new LmsptError("ERR_LMSPT_IO", `Expected a run's folder with a ${CONFIG_NAME}, found none at ${path}`);
  }

  static async isAt(path: string): Promise<boolean> {
    return isFile(join(path, CONFIG_NAME));
  }

  /** The same folder, where the run goes on with another configuration from `begin` on. */
  goingOnWith(config: object): RunFolder {
    return new RunFolder(this.path, stringify(config).trimEnd());
  }

  /** Makes a new run's folder, and writes the resolved configuration where it is new. */
  async begin(): Promise<void> {
    if (this.text === undefined) return;
    await explainIo(`Cannot make the folder ${this.path}`, () => mkdir(this.path, { recursive: true }));
    await writeText(this.config, this.text);
  }

  /** The newest checkpoint's path. */
  async newest(): Promise<string | undefined> {
    const name = (await listCheckpoints(this.checkpoints)).at(-1);
    return name && join(this.checkpoints, name);
  }
}
