// Keeps home light: a build whose home needs more script than this fails. Home's script is what the page fetches before a room is
// joined, whether at once or by dynamic import; what is `LATER` is fetched ahead, too, but home works without it.
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** Bytes after gzip. */
const BUDGET = 150_000;

/** Modules of later views: home fetches that of calls ahead, the others never. And what is for pages that embed rooms. */
const LATER = ['src/call/module.tsx', 'src/checkup/start.tsx', 'src/embed/bridge.ts', 'src/embed/component.ts'];

/** Other documents have entries of their own. */
const HOME = 'index.html';

/** Of these, one is fetched: the largest counts. */
const LANGUAGES = 'src/i18n/locales/';

interface Chunk {
  type: string;
  code?: string;
  isEntry?: boolean;
  facadeModuleId?: string | null;
  imports?: string[];
  dynamicImports?: string[];
}

export function budget(root: string): Plugin {
  return {
    name: 'budget',
    apply: 'build',
    // After everything that changes a chunk.
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const chunks = bundle as Record<string, Chunk>;
        const sizes = sizesOfHome(chunks, root);
        const sum = [...sizes.values()].reduce((total, size) => total + size, 0);
        for (const [name, size] of sizes) this.info(`home: ${kilobytes(size)} ${name}`);
        this.info(`home: ${kilobytes(sum)} of script after gzip; allowed are ${kilobytes(BUDGET)}`);
        if (sum > BUDGET) {
          this.error(
            `home needs ${kilobytes(sum)} of script after gzip, more than ${kilobytes(BUDGET)}: import what it does not need at ` +
              'first dynamically, from a module that budget.ts lists as LATER.',
          );
        }
      },
    },
  };
}

/** The chunks that home fetches, with their sizes after gzip. */
function sizesOfHome(chunks: Record<string, Chunk>, root: string): Map<string, number> {
  const sizes = new Map<string, number>();
  const languages = new Map<string, number>();
  const moduleOf = (chunk: Chunk) => (chunk.facadeModuleId ?? '').replace(`${root}/`, '');
  const visit = (name: string): void => {
    const chunk = chunks[name];
    if (!chunk || sizes.has(name) || languages.has(name) || LATER.includes(moduleOf(chunk))) return;
    const into = moduleOf(chunk).startsWith(LANGUAGES) ? languages : sizes;
    into.set(name, gzipSync(chunk.code ?? '').byteLength);
    for (const next of [...(chunk.imports ?? []), ...(chunk.dynamicImports ?? [])]) visit(next);
  };
  for (const [name, chunk] of Object.entries(chunks)) if (chunk.isEntry && moduleOf(chunk) === HOME) visit(name);
  const [largest] = [...languages].sort(([, a], [, b]) => b - a);
  if (largest) sizes.set(...largest);
  return sizes;
}

function kilobytes(size: number): string {
  return `${(size / 1000).toFixed(1)} kB`;
}
