// What the media server calls it when it refuses. The client library hands on its words alone, which are English; so it is asked once
// more, by plain HTTP, where the kind comes beside them.
const HEADER = 'Visavis-Error';

/** By the names of `errors.py`; null: it does not tell, as other servers than ours, or does not refuse any more. */
export async function kindOfRefusal(url: string, token: string): Promise<string | null> {
  const address = new URL(`${url.replace(/^ws/, 'http').replace(/\/$/, '')}/rtc/validate`);
  address.searchParams.set('access_token', token);
  try {
    return (await fetch(address)).headers.get(HEADER);
  } catch {
    return null; // Its words are there already.
  }
}
