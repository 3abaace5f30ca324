/** What compiled CUDA kernels consist of: the sizes of their code in a cubin, the instructions of their PTX. */

/** Kinds of PTX instructions that tell how a kernel works. */
export const INSTRUCTIONS = {
  wgmma: /^wgmma\.mma_async\./,
  mma: /^mma\./,
  ldmatrix: /^ldmatrix\./,
  "bulk copies": /^cp\.async\.bulk\./,
  "asynchronous copies": /^cp\.async\.c[ag]\./,
  "loads of 16 bytes": /^ld\.(global|shared)\.(\w+\.)*(v4\.[bfu]32|v2\.[bfu]64)/,
  "other loads": /^ld\.(global|shared)\.(?!(\w+\.)*(v4\.[bfu]32|v2\.[bfu]64))/,
  "stores of 16 bytes": /^st\.(global|shared)\.(\w+\.)*(v4\.[bfu]32|v2\.[bfu]64)/,
  "other stores": /^st\.(global|shared)\.(?!(\w+\.)*(v4\.[bfu]32|v2\.[bfu]64))/,
  "local memory": /^(ld|st)\.local\./,
  "special functions": /^(ex2|lg2|sin|cos|tanh|rcp|rsqrt|sqrt)\./,
  fma: /^fma\./,
  "integer divisions": /^(div|rem)\.[su]/,
  shuffles: /^shfl\./,
  barriers: /^(bar|barrier|mbarrier)\./,
};

/**
 * @param {string} ptx What nvcc makes of a file.
 * @returns {Map<string, Record<string, number>>} By the mangled names of kernels, how many instructions of each kind there
 *   are, and of all kinds.
 */
export function countInstructions(ptx) {
  /** @type {Map<string, Record<string, number>>} */
  const kernels = new Map();
  for (const part of ptx.split(/^(?:\.visible )?\.entry /m).slice(1)) {
    /** @type {Record<string, number>} */
    const counts = { all: 0 };
    for (const line of part.slice(part.indexOf("{")).split("\n")) {
      const instruction = /^\s*(?:@!?%?\w+\s+)?([a-z][\w.:]*)\s?.*;/.exec(line)?.[1];
      if (instruction === undefined) continue;
      counts.all = (counts.all ?? 0) + 1;
      for (const [kind, pattern] of Object.entries(INSTRUCTIONS)) {
        if (pattern.test(instruction)) counts[kind] = (counts[kind] ?? 0) + 1;
      }
    }
    kernels.set(part.slice(0, part.indexOf("(")), counts);
  }
  return kernels;
}

/**
 * @param {Buffer} cubin An ELF file of 64 bits.
 * @returns {Map<string, number>} Bytes of instructions by the mangled names of kernels.
 */
export function codeSizes(cubin) {
  const at = Number(cubin.readBigUInt64LE(40));
  const sections = Array.from({ length: cubin.readUInt16LE(60) }, (_, i) => {
    const section = at + i * cubin.readUInt16LE(58);
    return {
      name: cubin.readUInt32LE(section),
      offset: Number(cubin.readBigUInt64LE(section + 24)),
      size: Number(cubin.readBigUInt64LE(section + 32)),
    };
  });
  const names = sections[cubin.readUInt16LE(62)]?.offset ?? 0;
  /** @type {Map<string, number>} */
  const sizes = new Map();
  for (const { name, size } of sections) {
    const text = cubin.toString("latin1", names + name, cubin.indexOf(0, names + name));
    if (text.startsWith(".text.")) sizes.set(text.slice(".text.".length), size);
  }
  return sizes;
}
