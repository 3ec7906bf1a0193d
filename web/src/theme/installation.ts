// What an installation is called, and the picture it has in the place of our logo: the server has written both into the document.

export function installationName(): string {
  return metaOf('application-name') ?? 'Visavis';
}

/** Null: our own logo. */
export function installationLogo(): string | null {
  return metaOf('visavis-logo');
}

function metaOf(name: string): string | null {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content || null;
}
