// What wants an answer: whether to remove somebody or to end the call, and whether to unmute oneself, which the page never does by itself.
import { useCallServices } from '../call/services';
import { Dialog } from '../design/Dialog';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import './moderation.css';

interface Words {
  title: string;
  text: string;
  yes: string;
  no: string;
  isDanger: boolean;
}

export function Questions() {
  const t = useT();
  const { moderation } = useCallServices();
  const question = useStore(moderation.question);
  if (question === null) return null;
  const close = () => moderation.question.set(null);
  switch (question.kind) {
    case 'remove': {
      const { identity, name } = question;
      const words = { title: t('moderation:removeTitle', { name }), text: t('moderation:removeText') };
      return (
        <Ask
          words={{ ...words, yes: t('moderation:removeYes'), no: t('shell:cancel'), isDanger: true }}
          onYes={() => void moderation.remove(identity, name)}
          onClose={close}
        />
      );
    }
    case 'end': {
      const words = { title: t('moderation:endTitle'), text: t('moderation:endText') };
      return (
        <Ask
          words={{ ...words, yes: t('moderation:endForAll'), no: t('shell:cancel'), isDanger: true }}
          onYes={() => void moderation.end()}
          onClose={close}
        />
      );
    }
    case 'unmute': {
      const { source } = question;
      const words = { title: t(`moderation:asked.${source}`), text: t('moderation:askedText') };
      return (
        <Ask
          words={{ ...words, yes: t(`moderation:unmute.${source}`), no: t('moderation:notNow'), isDanger: false }}
          onYes={() => moderation.answerUnmute(source, true)}
          onClose={close}
        />
      );
    }
  }
}

function Ask({ words, onYes, onClose }: { words: Words; onYes: () => void; onClose: () => void }) {
  const { title, text, yes, no, isDanger } = words;
  return (
    <Dialog title={title} testId="question" closeTestId="question-close" onClose={onClose}>
      <p>{text}</p>
      <div className="question-buttons">
        <button type="button" className="button" data-testid="question-no" onClick={onClose}>
          {no}
        </button>
        <button
          type="button"
          className={`button ${isDanger ? 'button-danger' : 'button-primary'}`}
          data-testid="question-yes"
          onClick={() => {
            onClose();
            onYes();
          }}
        >
          {yes}
        </button>
      </div>
    </Dialog>
  );
}
