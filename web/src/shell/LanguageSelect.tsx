// The language of the page, each by its own name.
import { useId } from 'react';
import { chooseLanguage, useLanguage, useT } from '../i18n/i18n';
import { LANGUAGES, type Language } from '../i18n/languages';
import { storageOf } from '../state/storage';

export function LanguageSelect() {
  const t = useT();
  const language = useLanguage();
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{t('shell:language')}</label>
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
