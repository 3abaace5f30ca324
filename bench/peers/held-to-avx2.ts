/**
 * A copy of onnxruntime-node that uses no vectors wider than AVX2's. The runtime has no setting for that: it asks the
 * processor which registers the system saves (xgetbv) and takes AVX-512 where they are. In the copy, that question is
 * answered with x87, SSE and AVX (push 7; pop rax), which is as long.
 */
import { existsSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const LIBRARY = join("node_modules", "onnxruntime-node", "bin", "napi-v6", "linux", "x64", "libonnxruntime.so.1");
const XGETBV = Buffer.from([0x0f, 0x01, 0xd0]);
const ANSWER = Buffer.from([0x6a, 0x07, 0x58]);
/** `and eax, 15; add eax, edx` has the same bytes, beginning within its first instruction. */
const MASK = Buffer.from([0x83, 0xe0]);
/** Of the version that is installed. */
const QUESTIONS = 3;

/** Copies the installation in `folder` into `copy`, where there is none yet. */
export async function copyHeldToAvx2(folder: string, copy: string): Promise<void> {
  if (existsSync(copy)) return;
  const library = await readFile(join(folder, LIBRARY));
  const places = findAll(library, XGETBV).filter((at) => !library.subarray(at - MASK.length, at).equals(MASK));
  if (places.length !== QUESTIONS) {
    throw new Error(`Expected ${QUESTIONS} places where ${LIBRARY} asks for registers, found ${places.length}`);
  }
  for (const at of places) ANSWER.copy(library, at);
  await cp(folder, copy, { recursive: true });
  await writeFile(join(copy, LIBRARY), library);
}

function findAll(bytes: Buffer, pattern: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + 1)) places.push(at);
  return places;
}
