import * as React from 'react';
import type { LeptonClient } from '../api/client';
import { path } from '../commands/context';
import { useLoaded } from '../common/hooks';
import { Failure, Loading } from '../common/notice';
import { useTrans } from '../common/translation';

const REFRESH = 2000;

/** The end of a log, followed while it grows, unless the reader has scrolled up. */
export function LogTail(props: {
  client: LeptonClient;
  of: { run: string } | { service: string };
  isLive: boolean;
}): React.ReactElement {
  const { client, of } = props;
  const trans = useTrans();
  const box = React.useRef<HTMLPreElement>(null);
  const follows = React.useRef(true);
  const where = 'run' in of ? path`runs/${of.run}/log` : path`deployments/${of.service}/log`;
  const loaded = useLoaded(() => client.get<{ text: string }>(where, { lines: 500 }), where);
  const { reload } = loaded;

  React.useEffect(() => {
    if (!props.isLive) {
      return undefined;
    }
    const timer = window.setInterval(() => {
      if (!document.hidden) {
        reload();
      }
    }, REFRESH);
    return () => window.clearInterval(timer);
  }, [props.isLive, reload]);

  React.useEffect(() => {
    if (follows.current && box.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [loaded.value]);

  if (loaded.state === 'failed' && !loaded.value) {
    return <Failure error={loaded.error} retry={reload} />;
  }
  if (!loaded.value) {
    return <Loading rows={6} />;
  }
  if (!loaded.value.text) {
    return <p className="lp-Hint">{trans.__('The log is empty.')}</p>;
  }
  return (
    <pre
      ref={box}
      className="lp-Code lp-Log"
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      aria-label={trans.__('Log')}
      onScroll={({ currentTarget: node }) => {
        follows.current = node.scrollHeight - node.scrollTop - node.clientHeight < 20;
      }}
    >
      {loaded.value.text}
    </pre>
  );
}
