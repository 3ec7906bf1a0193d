// A file in the chat: its picture where that is safe to show; and getting it, which nobody does but the reader.
import { Download, File as FileIcon, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useCallServices } from '../call/services';
import { bytes } from '../i18n/format';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import { transferKey, type Files } from './files';
import { isPicture, type FileOffer } from './offer';

interface Props {
  identity: string;
  isOwn: boolean;
  offer: FileOffer;
}

export function FileView({ identity, isOwn, offer }: Props) {
  const { files } = useCallServices().chat;
  return (
    <div className="file" data-testid="file" data-name={offer.name}>
      {isOwn ? <OwnFile files={files} offer={offer} /> : <OthersFile files={files} identity={identity} offer={offer} />}
    </div>
  );
}

function OwnFile({ files, offer }: { files: Files; offer: FileOffer }) {
  const t = useT();
  const file = useStore(files.offered).get(offer.id);
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!file || !isPicture(file.type)) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => {
      setUrl(null);
      URL.revokeObjectURL(made);
    };
  }, [file]);
  return (
    <>
      {url ? <img className="file-picture" src={url} alt={offer.name} /> : null}
      <FileLine offer={offer} />
      {file ? (
        <button
          type="button"
          className="file-action"
          data-testid="withdraw-file"
          onClick={() => files.withdraw(offer.id)}
        >
          <X aria-hidden="true" /> {t('chat:stopSharing')}
        </button>
      ) : (
        <p className="file-note">{t('chat:sharedNoLonger')}</p>
      )}
    </>
  );
}

function OthersFile({ files, identity, offer }: { files: Files; identity: string; offer: FileOffer }) {
  const t = useT();
  const key = transferKey(identity, offer);
  const transfer = useStore(files.transfers).get(key);
  const get = (
    <button
      type="button"
      className="file-action"
      data-testid="get-file"
      onClick={() => void files.fetch(identity, offer)}
    >
      <Download aria-hidden="true" /> {transfer ? t('chat:tryAgain') : t('chat:get')}
    </button>
  );
  switch (transfer?.state) {
    case 'ready':
      return (
        <>
          {isPicture(offer.type) ? (
            <img className="file-picture" data-testid="file-picture" src={transfer.url} alt={offer.name} />
          ) : null}
          <FileLine offer={offer} />
          <a className="file-action" data-testid="save-file" href={transfer.url} download={offer.name}>
            <Download aria-hidden="true" /> {t('chat:save')}
          </a>
        </>
      );
    case 'loading':
      return (
        <>
          <FileLine offer={offer} />
          <div className="file-progress">
            <progress aria-label={t('chat:getting', { name: offer.name })} value={transfer.progress} max={1} />
            <button type="button" className="file-action" data-testid="cancel-file" onClick={() => files.cancel(key)}>
              {t('chat:cancel')}
            </button>
          </div>
        </>
      );
    case 'failed':
      return (
        <>
          <FileLine offer={offer} />
          <p className="file-note" role="status">
            {transfer.problem}
          </p>
          {get}
        </>
      );
    case undefined:
      return (
        <>
          <FileLine offer={offer} />
          {get}
        </>
      );
  }
}

function FileLine({ offer: { name, size } }: { offer: FileOffer }) {
  useT(); // The size is written as the language does.
  return (
    <p className="file-line">
      <FileIcon aria-hidden="true" />
      <span className="file-name">{name}</span>
      <span className="file-size">{bytes(size)}</span>
    </p>
  );
}
