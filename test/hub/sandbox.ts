import { randomFillSync } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A temporary home and working folder; nothing of the real environment is visible in `env`. */
export class Sandbox {
  private constructor(readonly folder: string) {}

  static async make(): Promise<Sandbox> {
    return new Sandbox(await mkdtemp(join(tmpdir(), "lmspt-hub-")));
  }

  get env(): NodeJS.ProcessEnv {
    return { HOME: this.folder, USERPROFILE: this.folder };
  }

  get cache(): string {
    return this.path(".cache/huggingface/hub");
  }

  path(inside: string): string {
    return join(this.folder, inside);
  }

  async write(inside: string, content: string | Buffer): Promise<string> {
    await mkdir(dirname(this.path(inside)), { recursive: true });
    await writeFile(this.path(inside), content);
    return this.path(inside);
  }

  /** Every file and link below `inside`, sorted, with forward slashes. */
  async list(inside: string): Promise<string[]> {
    const entries = await readdir(this.path(inside), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
    const from = this.path(inside).length + 1;
    return files.map((file) => file.slice(from).replaceAll("\\", "/")).sort();
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

export function randomContent(bytes: number): Buffer {
  return randomFillSync(Buffer.alloc(bytes));
}
