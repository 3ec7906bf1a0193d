// Puts a compressed copy beside each file of a build that shrinks, for the server to send as it is (`visavis.compressed`): made once,
// with all the effort there is, and not by each server for each visitor.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

/** Smaller files fit into the first packets anyway, bytes. */
const SMALLEST = 1_000;

const TEXT = /\.(js|css|svg|json|wasm)$/;

const [toBrotli, toGzip] = [promisify(brotliCompress), promisify(gzip)];

export function compress(folder: string): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    // When all is written, what comes from `public` too.
    closeBundle: {
      order: 'post',
      async handler() {
        const files = await readdir(folder, { recursive: true }).catch(() => []);
        await Promise.all(files.filter((name) => TEXT.test(name)).map((name) => compressFile(join(folder, name))));
      },
    },
  };
}

async function compressFile(path: string): Promise<void> {
  const content = await readFile(path);
  if (content.byteLength < SMALLEST) return;
  const params = {
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.byteLength,
  };
  const [br, gz] = await Promise.all([toBrotli(content, { params }), toGzip(content, { level: 9 })]);
  await Promise.all([writeFile(`${path}.br`, br), writeFile(`${path}.gz`, gz)]);
}
