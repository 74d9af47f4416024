import type { ISessionContext } from '@jupyterlab/apputils';
import * as React from 'react';

/**
 * A place for a live panel, which the panel's own script finds by its id and fills while its kernel lives.
 *
 * `children` stand in for the panel until it comes, where it never comes (another page, a saved notebook), and
 * once its kernel has gone.
 */
export function PanelPlace(props: {
  id: string;
  session: ISessionContext | undefined;
  children: React.ReactNode;
}): React.ReactElement {
  const place = React.useRef<HTMLDivElement>(null);
  const isFilled = useIsFilled(place);
  const hasKernel = useHasKernel(props.session);
  const isLive = isFilled && hasKernel;
  return (
    <>
      <div ref={place} id={props.id} hidden={!isLive} />
      {!isLive && props.children}
    </>
  );
}

function useIsFilled(place: React.RefObject<HTMLDivElement>): boolean {
  const [isFilled, setIsFilled] = React.useState(false);
  React.useEffect(() => {
    const look = () => setIsFilled(Boolean(place.current?.firstChild));
    const observer = new MutationObserver(look);
    observer.observe(place.current!, { childList: true });
    look();
    return () => observer.disconnect();
  }, [place]);
  return isFilled;
}

/** Whether the notebook has a kernel; a kernel that was restarted says so to the panel itself. */
function useHasKernel(session: ISessionContext | undefined): boolean {
  const [hasKernel, setHasKernel] = React.useState(true);
  React.useEffect(() => {
    const look = () => {
      const status = session?.session?.kernel?.status ?? 'dead';
      setHasKernel(!session || status !== 'dead');
    };
    look();
    session?.kernelChanged.connect(look);
    session?.statusChanged.connect(look);
    return () => {
      session?.kernelChanged.disconnect(look);
      session?.statusChanged.disconnect(look);
    };
  }, [session]);
  return hasKernel;
}
