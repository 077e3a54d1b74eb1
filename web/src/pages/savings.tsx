export function Savings() { return <p class="empty">Not built yet.</p>; }
