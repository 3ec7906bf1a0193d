// The outcomes as text for the administrator: into the clipboard, or shown to be copied by hand.
import { Copy } from 'lucide-react';
import { useId, useState } from 'react';
import { useT } from '../i18n/i18n';
import type { Checkup } from './run';
import { useSay } from './say';
import { reportOf } from './verdict';

type Copied = { status: 'no' } | { status: 'yes' } | { status: 'failed'; text: string };

export function CopyReport({ checkup }: { checkup: Checkup }) {
  const t = useT();
  const say = useSay();
  const [copied, setCopied] = useState<Copied>({ status: 'no' });
  const area = useId();

  async function copy(): Promise<void> {
    // Without the query and the fragment, in which people may have anything.
    const address = `${location.origin}${location.pathname}`;
    const text = reportOf(checkup.outcomes.get(), { address, at: new Date(), browser: navigator.userAgent }, say);
    try {
      await navigator.clipboard.writeText(text);
      setCopied({ status: 'yes' });
    } catch {
      setCopied({ status: 'failed', text });
    }
  }

  return (
    <>
      <button type="button" className="button" data-testid="checkup-copy" onClick={() => void copy()}>
        <Copy aria-hidden="true" /> {t('checkup:copy')}
      </button>
      <span role="status" className="checkup-copied" data-testid="checkup-copied">
        {copied.status === 'yes' ? t('checkup:copied') : ''}
      </span>
      {copied.status === 'failed' ? (
        <div className="field checkup-report">
          <label htmlFor={area}>{t('checkup:copyFailed')}</label>
          <textarea
            id={area}
            className="input"
            data-testid="checkup-report"
            readOnly
            rows={12}
            value={copied.text}
            onFocus={(event) => event.currentTarget.select()}
          />
        </div>
      ) : null}
    </>
  );
}
