/** Which run is meant: a new one, or one to go on with. */
import { LmsptError } from "../../errors.js";
import { RunFolder, type RunPlace } from "./run-folder.js";

/** From a source and `key=value` pairs to a configuration. */
export type Resolve<Config> = (source: string | object, overrides: readonly string[]) => Promise<Config>;

/** What only a new run can be told. */
const OF_NEW_RUNS = ["out", "log_dir", "exp_name", "init"];

/**
 * Overrides hold for the rest of a run that goes on, whenever it is taken up again.
 * @throws LmsptError ERR_LMSPT_CONFIG where there are no data, or overrides that come too late; ERR_LMSPT_IO where a new
 *   run's folder is taken
 */
export async function resolveRun<Config extends RunPlace & { readonly data: { readonly train: readonly string[] } }>(
  source: string | object,
  overrides: readonly string[],
  resolve: Resolve<Config>,
): Promise<{ config: Config; folder: RunFolder }> {
  if (typeof source === "string" && (await RunFolder.isAt(source))) {
    const folder = await RunFolder.open(source);
    const late = overrides.find((pair) => OF_NEW_RUNS.includes(pair.split("=")[0]!));
    if (late !== undefined) {
      throw new LmsptError(
        "ERR_LMSPT_CONFIG",
        `${late}: expected for a new run, but there is one in ${source} already`,
      );
    }
    const config = await resolve(folder.config, overrides);
    return { config, folder: overrides.length > 0 ? folder.goingOnWith(config) : folder };
  }
  const config = await resolve(source, overrides);
  if (config.data.train.length > 0) return { config, folder: await RunFolder.plan(config) };
  throw new LmsptError(
    "ERR_LMSPT_CONFIG",
    "data.train: expected folders, audio files or manifests, for instance data=speech/",
  );
}
