// One language in one chunk: a file for each feature folder of the page.
export default import.meta.glob<Record<string, string>>('./ar/*.json', { eager: true, import: 'default' });
