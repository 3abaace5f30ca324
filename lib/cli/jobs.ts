import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import { TokenArchive } from "../data/token-archive.js";
import { LmsptError } from "../errors.js";
import { explainIo, statIfPresent } from "../io/system-errors.js";
import { usageFailure } from "./failure.js";
import { ArchiveSource, FileSource, type Source } from "./sources.js";

/** One output to be made from an input. */
export interface Job {
  /** What people are told: the path of the input. */
  readonly input: string;
  readonly output: string;
  /** The output below the target, with forward slashes and without its extension. */
  readonly name: string;
  readonly source: Source;
}

/** An input that gave nothing, and why. */
export interface FailedInput {
  readonly input: string;
  readonly error: unknown;
}

export interface JobPlan {
  readonly jobs: readonly Job[];
  /** Inputs that cannot even be begun. */
  readonly failed: readonly FailedInput[];
}

/** Where output goes: one file of this name, or files of their inputs' names in this folder. */
export interface Target {
  readonly kind: "file" | "folder";
  readonly path: string;
}

export interface PlanOptions {
  /** Of the files that are taken out of folders, in lower case with the dot. Files named one by one need none of them. */
  readonly inputExtensions: readonly string[];
  /** With the dot. */
  readonly outputExtension: string;
  /** Whether a folder that is a token archive stands for its entries. */
  readonly archives?: boolean;
  /** Whether existing files may be replaced. */
  readonly force: boolean;
}

/**
 * Decides whether `out` means a file or a folder. It is a folder where it exists as one, ends with a slash, has no
 * extension, or must take the output of a folder or of several inputs.
 */
export async function locateTarget(inputs: readonly string[], out: string): Promise<Target> {
  const existing = await explainIo(`Cannot look at ${out}`, () => statIfPresent(out));
  const several = inputs.length > 1 || (await isFolder(inputs[0]!));
  if (existing?.isDirectory()) return { kind: "folder", path: out };
  if (existing && several) {
    throw usageFailure(`Expected a folder for --output, because there is more than one input, but ${out} is a file`);
  }
  const kind = several || /[\\/]$/.test(out) || (!existing && extname(out) === "") ? "folder" : "file";
  return { kind, path: out };
}

/**
 * Lists what is to be done. A folder's tree is kept below the target; where there are several inputs, folders keep their
 * names too. @throws CommandFailure where two inputs would become one output, or an output would replace an input
 */
export async function planJobs(inputs: readonly string[], target: Target, options: PlanOptions): Promise<JobPlan> {
  const failed: FailedInput[] = [];
  const jobs: Job[] = [];
  for (const input of inputs) {
    try {
      for (const { source, name } of await listSources(input, inputs.length > 1, options)) {
        const output = target.kind === "file" ? target.path : join(target.path, name + options.outputExtension);
        jobs.push({ input: source.path, output, name: name.replaceAll(sep, "/"), source });
      }
    } catch (error) {
      failed.push({ input, error });
    }
  }
  requireSeparateFiles(jobs);
  if (target.kind === "folder" || options.force) return { jobs, failed };
  const problem = await existingOutput(target.path);
  if (problem) return { jobs: [], failed: [...failed, ...jobs.map(({ input }) => ({ input, error: problem }))] };
  return { jobs, failed };
}

interface NamedSource {
  readonly source: Source;
  /** Relative to the target folder, without extension. */
  readonly name: string;
}

async function listSources(input: string, keepName: boolean, options: PlanOptions): Promise<NamedSource[]> {
  if (!(await isFolder(input))) {
    await explainIo(`Cannot read ${input}`, () => stat(input));
    return [{ source: new FileSource(input), name: withoutExtension(basename(input)) }];
  }
  const root = keepName ? dirname(resolve(input)) : resolve(input);
  if (options.archives && (await TokenArchive.isArchive(input))) {
    const archive = await TokenArchive.open(input);
    const place = relative(root, resolve(input));
    return archive.entries.map((entry) => ({
      source: new ArchiveSource(archive, entry),
      name: join(place, entry.name),
    }));
  }
  const paths = await explainIo(`Cannot read the folder ${input}`, () => walk(input, options.inputExtensions));
  if (paths.length === 0) {
    const extensions = options.inputExtensions.join(", ");
    throw new LmsptError("ERR_LMSPT_IO", `Expected files that end in ${extensions} in the folder ${input}`);
  }
  return paths.map((path) => ({
    source: new FileSource(path),
    name: withoutExtension(relative(root, resolve(path))),
  }));
}

/** The files below `folder`, sorted. Hidden files and folders and links to folders are left out. */
async function walk(folder: string, extensions: readonly string[]): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) for (const file of await walk(path, extensions)) found.push(file);
    else if (extensions.includes(extname(path).toLowerCase()) && !(await isFolder(path))) found.push(path);
  }
  return found;
}

async function isFolder(path: string): Promise<boolean> {
  return (await explainIo(`Cannot look at ${path}`, () => statIfPresent(path)))?.isDirectory() ?? false;
}

function withoutExtension(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}

function requireSeparateFiles(jobs: readonly Job[]): void {
  const inputs = new Set(jobs.map((job) => resolve(job.input)));
  const makers = new Map<string, string>();
  for (const { input, output } of jobs) {
    const path = resolve(output);
    const other = makers.get(path);
    if (other !== undefined) {
      throw usageFailure(
        `Both ${other} and ${input} would be written to ${output}; convert them into separate folders`,
      );
    }
    if (inputs.has(path)) throw usageFailure(`${output} is an input and would be overwritten; choose another --output`);
    makers.set(path, input);
  }
}

/** The error for a file that is there and may not be overwritten. */
export async function existingOutput(output: string): Promise<LmsptError | undefined> {
  const existing = await explainIo(`Cannot look at ${output}`, () => statIfPresent(output));
  return existing && new LmsptError("ERR_LMSPT_IO", `${output} exists already; --overwrite replaces it`);
}
