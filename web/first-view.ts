// Builds `src/shell/first-view.ts` into index.html, with the names of what it asks for: in the document it costs no request, and what is
// asked for there is asked for first.
import { build, type Plugin, type Rolldown } from 'vite';
import type { Parts } from './src/shell/first-view.ts';
import { LANGUAGES, type Language } from './src/i18n/languages.ts';

const DOCUMENT = 'index.html';
const SOURCE = 'src/shell/first-view.ts';

/** The page finds everything relative to this, so nothing can be asked for before it. */
const BASE = /<base [^>]*>/;

type Bundle = Record<string, Rolldown.OutputAsset | Rolldown.OutputChunk>;

export function firstView(root: string): Plugin {
  return {
    name: 'first-view',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      async handler(html, { bundle, path }) {
        if (!bundle || path !== `/${DOCUMENT}`) return html;
        const script = await scriptFor(root, partsOf(bundle, root));
        return html.replace(BASE, (base) => `${base}\n    <script>${script}</script>`);
      },
    },
  };
}

function partsOf(bundle: Bundle, root: string): Parts {
  const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
  const chunkOf = (module: string) => {
    const found = chunks.find(({ facadeModuleId }) => facadeModuleId === `${root}/${module}`);
    if (!found) throw new Error(`first-view.ts looks for the chunk of ${module}, and there is none`);
    return found;
  };
  const languageOf = (code: string) => [code, chunkOf(`src/i18n/locales/${code}.ts`).fileName];
  const languages = Object.fromEntries(Object.keys(LANGUAGES).map(languageOf)) as Record<Language, string>;
  // What the document itself asks for, it has.
  const own = new Set(
    allOf(
      bundle,
      chunks.find(({ facadeModuleId }) => facadeModuleId === `${root}/${DOCUMENT}`),
    ),
  );
  return { languages, call: allOf(bundle, chunkOf('src/call/module.tsx')).filter((name) => !own.has(name)) };
}

/** A chunk with all that it needs before it runs. */
function allOf(bundle: Bundle, chunk: Rolldown.OutputChunk | undefined): string[] {
  const found = new Set<string>();
  const visit = (name: string) => {
    const file = bundle[name];
    if (file?.type !== 'chunk' || found.has(name)) return;
    found.add(name);
    for (const style of file.viteMetadata?.importedCss ?? []) found.add(style);
    file.imports.forEach(visit);
  };
  if (chunk) visit(chunk.fileName);
  return [...found];
}

async function scriptFor(root: string, parts: Parts): Promise<string> {
  const entry = 'virtual:first-view';
  const built = (await build({
    configFile: false,
    root,
    logLevel: 'warn',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? `\0${entry}` : null),
        load: (id) =>
          id === `\0${entry}`
            ? `import { startFirstView } from '${root}/${SOURCE}'; startFirstView(${JSON.stringify(parts)});`
            : null,
      },
    ],
    build: {
      write: false,
      target: 'es2022',
      copyPublicDir: false,
      modulePreload: false,
      rolldownOptions: { input: entry, output: { format: 'iife' } },
    },
  })) as Rolldown.RolldownOutput;
  const { code } = built.output[0];
  // A document's script ends where these stand, whatever they mean there.
  if (/<\/script|<!--/i.test(code))
    throw new Error(`${SOURCE} has words in it that a script in a document cannot have`);
  return code.trim();
}
