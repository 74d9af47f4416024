import * as React from 'react';
import { useTrans } from '../common/translation';
import { Note } from './plot';
import type { IExhibit, IGallery } from './types';

const SMALL = 64; // pixels under which a picture is shown as the squares it is made of

/** Real items with what was said of them; boxes and masks lie over their pictures. */
export function Gallery(props: { chart: IGallery }): React.ReactElement {
  const { title, items, note } = props.chart;
  const trans = useTrans();
  return (
    <details className="lp-Details lp-mod-wide" open>
      <summary>{title}</summary>
      <ul className="lp-Gallery">
        {items.map((item, place) => (
          <li key={place}>
            {isPicture(item.picture) && <Picture item={item} />}
            {item.text && <blockquote>{item.text}</blockquote>}
            <span>{item.caption}</span>
            {item.truth && <span className="lp-Hint">{trans.__('is %1', item.truth)}</span>}
          </li>
        ))}
      </ul>
      <Note text={note} />
    </details>
  );
}

function Picture(props: { item: IExhibit }): React.ReactElement {
  const { picture, index, boxes = [], masks = [] } = props.item;
  const trans = useTrans();
  const [isSmall, setIsSmall] = React.useState(false);
  const isDrawnOver = boxes.length + masks.length > 0;
  return (
    <div className="lp-Picture" data-large={isDrawnOver} data-small={isSmall}>
      <img
        src={picture}
        alt={trans.__('Item %1', index ?? '')}
        onLoad={event => setIsSmall(event.currentTarget.naturalWidth < SMALL)}
      />
      {masks
        .filter(mask => isPicture(mask.shape))
        .map((mask, place) => (
          <i
            key={`mask-${place}`}
            className="lp-Mask"
            data-true={mask.true}
            title={mask.label}
            style={{ maskImage: `url("${mask.shape}")` }}
          />
        ))}
      {boxes.map((box, place) => (
        <i
          key={place}
          className="lp-Box"
          data-true={box.true}
          title={box.label}
          style={{
            left: percent(box.x1),
            top: percent(box.y1),
            width: percent(box.x2 - box.x1),
            height: percent(box.y2 - box.y1)
          }}
        >
          {!box.true && (
            <b>{[box.label, box.score === null ? '' : percent(box.score, 0)].join(' ').trim()}</b>
          )}
        </i>
      ))}
    </div>
  );
}

/** A notebook from elsewhere must not have the lab fetch anything. */
function isPicture(url: string): boolean {
  return /^data:image\/(png|jpeg);base64,[\w+/=]+$/.test(url);
}

function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)}%`;
}
