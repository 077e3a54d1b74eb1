export function Fleet() { return <p class="empty">Not built yet.</p>; }
