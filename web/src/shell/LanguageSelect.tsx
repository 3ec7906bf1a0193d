// The language of the page, each by its own name.
import { Globe } from 'lucide-react';
import { useId } from 'react';
import { chooseLanguage, useLanguage, useT } from '../i18n/i18n';
import { LANGUAGES, type Language } from '../i18n/languages';
import { storageOf } from '../state/storage';

/** With its word above it among other fields; alone in a header with a sign in it. */
export function LanguageSelect({ isField = false }: { isField?: boolean }) {
  const t = useT();
  const language = useLanguage();
  const id = useId();
  return (
    <div className={isField ? 'field' : 'language'}>
      <label htmlFor={id} className={isField ? undefined : 'for-screen-readers'}>
        {t('shell:language')}
      </label>
      {isField ? null : <Globe aria-hidden="true" />}
      <select
        id={id}
        className="input"
        data-testid="language"
        value={language}
        onChange={(event) => void chooseLanguage(event.target.value as Language, storageOf('localStorage'))}
      >
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
