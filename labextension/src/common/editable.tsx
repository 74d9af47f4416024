import * as React from 'react';

/** A text that is edited where it stands: Enter keeps what was written, Escape leaves it as it was. */
export function Editable(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}): React.ReactElement {
  const { label, value } = props;
  const [draft, setDraft] = React.useState<string | null>(null);
  const keep = () => {
    if (draft !== null && draft.trim() !== value) {
      props.onChange(draft.trim());
    }
    setDraft(null);
  };
  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'Escape') {
      setDraft(null);
    } else if (event.key === 'Enter') {
      keep();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <input
      type="text"
      className="lp-Editable"
      aria-label={label}
      placeholder={label}
      data-lm-suppress-shortcuts="true"
      value={draft ?? value}
      onChange={event => setDraft(event.target.value)}
      onBlur={keep}
      onKeyDown={onKeyDown}
    />
  );
}
