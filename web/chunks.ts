// Which modules go into one file together, where the bundler by itself would make a file of each few that some pages share: a browser
// asks for six at a time, and on a slow network each further six wait for an answer of the first.

/** What the bundler knows of modules; its own type for that is not exported. */
interface Graph {
  getModuleInfo(id: string): { readonly importedIds: readonly string[] } | null;
}

interface Group {
  name: string | ((id: string, graph: Graph) => string | null);
  test?: RegExp;
}

export function groups(root: string): Group[] {
  const [home, admin] = [`${root}/src/main.tsx`, `${root}/src/admin/main.tsx`];
  return [
    // Changes less often than our code, so browsers keep it longer.
    { name: 'livekit', test: /node_modules\/(livekit-client|@livekit)\// },
    // What both documents need.
    { name: (id, graph) => (reaches(home, graph).has(id) && reaches(admin, graph).has(id) ? 'base' : null) },
    { name: (id, graph) => (id !== home && reaches(home, graph).has(id) ? 'home' : null) },
  ];
}

const reached = new WeakMap<Graph, Map<string, Set<string>>>();

/** The modules that one needs before it runs, itself included. */
function reaches(from: string, graph: Graph): Set<string> {
  const known = reached.get(graph) ?? new Map<string, Set<string>>();
  reached.set(graph, known);
  let all = known.get(from);
  if (!all) {
    all = new Set([from]);
    for (const id of all) for (const next of graph.getModuleInfo(id)?.importedIds ?? []) all.add(next);
    known.set(from, all);
  }
  return all;
}
