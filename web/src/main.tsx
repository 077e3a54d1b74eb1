import { render } from 'preact';
import './style.css';
import { startPolling } from './api';
import { startRouting } from './route';
import { Shell } from './shell';
import { startTheme } from './ui/theme';
import { startTips } from './ui/tip';

startTheme();
startRouting();
startTips();
startPolling();
const root = document.getElementById('app');
if (root) render(<Shell />, root);
