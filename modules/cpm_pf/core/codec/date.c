/* SPDX-License-Identifier: GPL-2.0-or-later
 * Copyright (C) 2026 the cpm_pf authors
 *
 * The proleptic Gregorian calendar in 64-bit arithmetic: years are counted from
 * March, so that the leap day is the last one of its year.
 */
#include "date.h"

#include "../base/ascii.h"

#define DAY_S INT64_C(86400)
#define YEAR_MIN 1
#define YEAR_MAX 9999
/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z in seconds since 1970. */
#define SECOND_MIN INT64_C(-62135596800)
#define SECOND_MAX INT64_C(253402300799)

struct date {
	unsigned year, month, day; /* month and day from 1 */
	unsigned hour, minute, second;
};

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

static unsigned days_in(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if(month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/* Days since 1970-01-01. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t m = month > 2 ? month - 3 : month + 9;
	/* 719468 days lie between 0000-03-01 and 1970-01-01. */
	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool date_valid(const struct date *d)
{
	bool end_of_day = d->hour == 24 && !d->minute && !d->second;

	return d->year >= YEAR_MIN && d->year <= YEAR_MAX && d->month >= 1 && d->month <= 12
		   && d->day >= 1 && d->day <= days_in(d->year, d->month) && (d->hour <= 23 || end_of_day)
		   && d->minute <= 59 && d->second <= 60; /* a leap second */
}

static int64_t seconds_of(const struct date *d)
{
	return days_of(d->year, d->month, d->day) * DAY_S + d->hour * 3600 + d->minute * 60 + d->second;
}

/* Splits ms, forced into the years 0001 to 9999. Returns the day of the week, 0 = Sunday. */
static unsigned date_split(int64_t ms, struct date *d)
{
	int64_t s = ms / 1000 - (ms % 1000 < 0);
	int64_t days, in_day, era, day_of_era, year_of_era, day_of_year, month;

	s = s < SECOND_MIN ? SECOND_MIN : s > SECOND_MAX ? SECOND_MAX : s;
	days = s / DAY_S - (s % DAY_S < 0);
	in_day = s - days * DAY_S;
	d->hour = (unsigned)(in_day / 3600);
	d->minute = (unsigned)(in_day / 60 % 60);
	d->second = (unsigned)(in_day % 60);
	/* An era has 400 years and 146097 days. From 0000-03-01 on every count is positive. */
	days += 719468;
	era = days / 146097;
	day_of_era = days % 146097;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * day_of_year + 2) / 153;
	d->day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1);
	d->month = (unsigned)(month < 10 ? month + 3 : month - 9);
	d->year = (unsigned)(era * 400 + year_of_era + (d->month <= 2));
	/* 0000-03-01 was a Wednesday. */
	return (unsigned)((days + 3) % 7);
}

/* Takes exactly n digits off *rest. */
static bool take_number(struct cpm_slice *rest, size_t n, unsigned *number)
{
	uint64_t value;

	if(rest->n < n || !cpm_slice_u64(cpm_slice_head(*rest, n), &value))
		return false;
	*number = (unsigned)value;
	*rest = cpm_slice_from(*rest, n);
	return true;
}

/* Takes one byte of set off *rest. */
static bool take_in(struct cpm_slice *rest, const char *set)
{
	if(!rest->n || !cpm_ascii_in(rest->p[0], set))
		return false;
	*rest = cpm_slice_from(*rest, 1);
	return true;
}

/* Takes one of the three-letter names off *rest; index counts from 0. */
static bool take_name(struct cpm_slice *rest, const char *names, unsigned *index)
{
	for(unsigned i = 0; names[i * 3]; i++) {
		if(cpm_slice_istarts(*rest, (struct cpm_slice){names + (size_t)i * 3, 3})) {
			*index = i;
			*rest = cpm_slice_from(*rest, 3);
			return true;
		}
	}
	return false;
}

static bool take_clock(struct cpm_slice *rest, struct date *d)
{
	return take_number(rest, 2, &d->hour) && take_in(rest, ":") && take_number(rest, 2, &d->minute)
		   && take_in(rest, ":") && take_number(rest, 2, &d->second);
}

static bool take_fraction(struct cpm_slice *rest, unsigned *ms)
{
	unsigned weight = 100;

	*ms = 0;
	if(!take_in(rest, "."))
		return true;
	if(!rest->n || !cpm_ascii_digit(rest->p[0]))
		return false;
	for(; rest->n && cpm_ascii_digit(rest->p[0]); *rest = cpm_slice_from(*rest, 1)) {
		*ms += (unsigned)(rest->p[0] - '0') * weight;
		weight /= 10;
	}
	return true;
}

/* Z, +hh:mm, -hh:mm or nothing. */
static bool take_zone(struct cpm_slice *rest, int64_t *offset_s)
{
	bool west = rest->n && rest->p[0] == '-';
	unsigned hours, minutes;

	*offset_s = 0;
	if(!rest->n || take_in(rest, "Zz"))
		return true;
	if(!take_in(rest, "+-") || !take_number(rest, 2, &hours) || !take_in(rest, ":")
			|| !take_number(rest, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*offset_s = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

bool cpm_date_parse_rfc3339(struct cpm_slice s, int64_t *ms)
{
	struct cpm_slice rest = cpm_slice_trim(s);
	struct date d;
	unsigned fraction;
	int64_t offset_s;

	if(!take_number(&rest, 4, &d.year) || !take_in(&rest, "-") || !take_number(&rest, 2, &d.month)
			|| !take_in(&rest, "-") || !take_number(&rest, 2, &d.day) || !take_in(&rest, "Tt")
			|| !take_clock(&rest, &d) || !take_fraction(&rest, &fraction)
			|| !take_zone(&rest, &offset_s) || rest.n || !date_valid(&d)
			|| (d.hour == 24 && fraction))
		return false;
	*ms = (seconds_of(&d) - offset_s) * 1000 + fraction;
	return true;
}

bool cpm_date_parse_rfc1123(struct cpm_slice s, int64_t *ms)
{
	struct cpm_slice rest = cpm_slice_trim(s);
	struct date d;
	unsigned weekday;

	if(!take_name(&rest, weekdays, &weekday) || !take_in(&rest, ",") || !take_in(&rest, " ")
			|| !take_number(&rest, 2, &d.day) || !take_in(&rest, " ")
			|| !take_name(&rest, months, &d.month) || !take_in(&rest, " ")
			|| !take_number(&rest, 4, &d.year) || !take_in(&rest, " ") || !take_clock(&rest, &d)
			|| !cpm_slice_ieq(rest, CPM_SLICE(" GMT")))
		return false;
	d.month++;
	if(!date_valid(&d))
		return false;
	*ms = seconds_of(&d) * 1000;
	return true;
}

static void add_number(struct cpm_buf *b, unsigned number, unsigned digits)
{
	unsigned weight = 1;

	while(--digits)
		weight *= 10;
	for(; weight; weight /= 10)
		cpm_buf_add_char(b, (char)('0' + number / weight % 10));
}

static void add_clock(struct cpm_buf *b, const struct date *d)
{
	add_number(b, d->hour, 2);
	cpm_buf_add_char(b, ':');
	add_number(b, d->minute, 2);
	cpm_buf_add_char(b, ':');
	add_number(b, d->second, 2);
}

void cpm_date_add_rfc3339(struct cpm_buf *b, int64_t ms)
{
	struct date d;

	date_split(ms, &d);
	add_number(b, d.year, 4);
	cpm_buf_add_char(b, '-');
	add_number(b, d.month, 2);
	cpm_buf_add_char(b, '-');
	add_number(b, d.day, 2);
	cpm_buf_add_char(b, 'T');
	add_clock(b, &d);
	cpm_buf_add_char(b, 'Z');
}

void cpm_date_add_rfc1123(struct cpm_buf *b, int64_t ms)
{
	struct date d;
	unsigned weekday = date_split(ms, &d);

	cpm_buf_add(b, (struct cpm_slice){weekdays + (size_t)weekday * 3, 3});
	cpm_buf_add_str(b, ", ");
	add_number(b, d.day, 2);
	cpm_buf_add_char(b, ' ');
	cpm_buf_add(b, (struct cpm_slice){months + (size_t)(d.month - 1) * 3, 3});
	cpm_buf_add_char(b, ' ');
	add_number(b, d.year, 4);
	cpm_buf_add_char(b, ' ');
	add_clock(b, &d);
	cpm_buf_add_str(b, " GMT");
}
