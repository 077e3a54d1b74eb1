import { api, useQuery } from '../api';
import { time } from '../format';
import type { Explanation } from '../types';
import { Panel, Show } from '../ui/bits';
import { setParams } from '../route';

/** How a number came about, as `gpuwise explain` tells it. */
export function Explain({ subject, onClose }: { subject: string; onClose?: () => void }) {
  const q = useQuery<Explanation>(api('explain', { subject }));
  return (
    <Panel
      focus={!onClose}
      id="explain"
      title={`How it came about: ${subject}`}
      aside={
        <button type="button" onClick={onClose ?? (() => setParams({ explain: null }))}>
          Close
        </button>
      }
    >
      <Show q={q}>
        {(x) => (
          <div class="explain">
            <p class="muted">
              {x.subject.kind} {x.subject.name}, {time(x.window.start)} – {time(x.window.end)} UTC
            </p>
            {x.sections.map((s, i) => (
              <section key={i}>
                <h3>{s.title}</h3>
                {s.facts.length ? (
                  <dl>
                    {s.facts.map((f, j) => (
                      <div key={j}>
                        <dt>{f.name}</dt>
                        <dd>
                          <span class={f.value === null ? 'is-unknown' : undefined}>{f.value ?? 'unknown'}</span>
                          {f.how ? <small>{f.how}</small> : null}
                        </dd>
                      </div>
                    ))}
                  </dl>
                ) : null}
              </section>
            ))}
          </div>
        )}
      </Show>
    </Panel>
  );
}
