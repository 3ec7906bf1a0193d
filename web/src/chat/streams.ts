// Reading streams of others: never more is kept than was agreed. What is beyond is read and dropped, for the client library would
// else keep it until somebody reads.

export interface ReadText {
  text: string;
  isCut: boolean;
}

export async function readText(reader: AsyncIterable<string>, longest: number): Promise<ReadText> {
  let text = '';
  let isCut = false;
  for await (const piece of reader) {
    if (isCut) continue;
    text += piece;
    isCut = text.length > longest;
  }
  return { text: isCut ? text.slice(0, longest) : text, isCut };
}

/** The bytes of a stream, or null if there are more than `longest`. */
export async function readBytes(
  reader: AsyncIterable<Uint8Array>,
  longest: number,
  progress: (bytes: number) => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>[] | null> {
  let chunks: Uint8Array<ArrayBuffer>[] | null = [];
  let size = 0;
  for await (const chunk of reader) {
    size += chunk.length;
    if (size > longest) chunks = null;
    chunks?.push(chunk as Uint8Array<ArrayBuffer>);
    progress(size);
  }
  return chunks;
}
