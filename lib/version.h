/* SPDX-License-Identifier: Apache-2.0 */

#ifndef DPX_VERSION_H
#define DPX_VERSION_H 1

#define DPX_VERSION "0.1.0"

#endif /* lib/version.h */
